/** Variables are bounded before anything reads them. */
import { GraphQLError } from 'graphql';
import type { OperationLimits } from '../load/settings/settings.ts';
import type { View } from '../views/view.ts';
import { type Admitted, admitting } from './admitting.ts';
import { hasInheritedNames, makeBare } from './bare-objects.ts';
import { checkVariables, LONG_NUMBERS } from './document-limits.ts';
import { problemWithLongNumbers } from './long-numbers.ts';
import type { Policy } from './policy.ts';
import type { PreparedOperation } from './request.ts';

export function boundedVariables(view: View, limits: OperationLimits): Policy {
  const bare = hasInheritedNames(view.schema);
  return admitting((operation: PreparedOperation): Admitted => {
    const { variables, incremental } = operation;
    const found = checkVariables(variables, limits);
    if (found === LONG_NUMBERS) {
      const problem = problemWithLongNumbers(view.schema, operation);
      if (problem !== undefined) return { errors: [problem] };
    } else if (found !== undefined) return { errors: [found] };
    if (bare) makeBare(variables);
    const problem = incremental?.problemWith(variables);
    if (problem === undefined) return operation;
    return { errors: [new GraphQLError(problem, { extensions: { code: 'BAD_VARIABLES' } })] };
  });
}
