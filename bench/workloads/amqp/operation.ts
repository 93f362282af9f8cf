import { withoutHttp } from '../rides.ts';

export { query, variables } from '../rides.ts';

export const without = withoutHttp('left out: Mesh has no source for AMQP');
