/** A policy that lets an operation pass, perhaps changed, or says at once why not. */
import type { GraphQLError } from 'graphql';
import { format } from './format.ts';
import type { Policy } from './policy.ts';
import type { PreparedOperation, Request } from './request.ts';

export type Admitted = PreparedOperation | { readonly errors: readonly GraphQLError[] };

export function admitting(admit: (operation: PreparedOperation, request: Request) => Admitted): Policy {
  return {
    answer(operation, request, next) {
      const admitted = admit(operation, request);
      if ('errors' in admitted) return Promise.resolve({ result: format(admitted, request) });
      return next(admitted, request);
    },
    stream(operation, request, next) {
      const admitted = admit(operation, request);
      if ('errors' in admitted) return Promise.resolve({ result: format(admitted, request) });
      return next(admitted, request);
    },
  };
}
