/** The refusal of what cannot be judged. */
import { GraphQLError } from 'graphql';

export function tooLarge(): GraphQLError {
  const text =
    'The operation asks for more than can be judged: there are too many fields, counted for each type that may be there.';
  return new GraphQLError(text, { extensions: { code: 'OPERATION_TOO_LARGE' } });
}
