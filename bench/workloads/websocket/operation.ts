export { BY_LIBRARY as without, query, variables } from '../rides.ts';
