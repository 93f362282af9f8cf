/** Refusals of what cannot be judged. */
import { GraphQLError } from 'graphql';

export function tooMuchToJudge(): GraphQLError {
  return refusal(
    'The operation asks for more than can be judged: there are too many fields, counted for each type that may be there.',
  );
}

export function tooMuchToValidate(): GraphQLError {
  return refusal(
    'The operation takes too long to be validated: it has too many fragments, or too many fields of one name.',
  );
}

function refusal(text: string): GraphQLError {
  return new GraphQLError(text, { extensions: { code: 'OPERATION_TOO_LARGE' } });
}
