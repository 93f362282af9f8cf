import { withoutHttp } from '../rides.ts';

export { query, variables } from '../rides.ts';

export const without = withoutHttp('left out: no SOAP source is set up in bench/peers');
