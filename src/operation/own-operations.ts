/** A client's own operations, `clients/<client>/operations/*.graphql`, must fit its schema. */
import {
  concatAST,
  type FragmentDefinitionNode,
  Kind,
  NoUnusedFragmentsRule,
  specifiedRules,
  validate,
} from 'graphql';
import type { OperationFile } from '../load/client.ts';
import { placeOf } from '../load/sdl.ts';
import type { Problems } from '../problems.ts';
import type { View } from '../views/view.ts';

/** Fragments may stand in files of their own and be used by all. */
export function checkOperations({ client, schema }: View, problems: Problems): void {
  const { operations } = client;
  const rules = specifiedRules.filter((rule) => rule !== NoUnusedFragmentsRule);
  for (const operation of operations) {
    const document = concatAST([
      operation.document,
      { kind: Kind.DOCUMENT, definitions: fragmentsOfOthers(operation, operations) },
    ]);
    for (const error of validate(schema, document, rules)) {
      const node = error.nodes?.find(({ loc }) => loc?.source.name === operation.file);
      // It is reported with the file that it is in.
      if (node === undefined && (error.nodes?.length ?? 0) > 0) continue;
      const [message = '', hint] = error.message.split(/\s+(?=Did you mean )/);
      problems.report({
        rule: 'operation-invalid',
        at: placeOf(node?.loc, operation.file),
        message,
        hint: hint?.replace(/^D/, 'd'),
      });
    }
  }
}

function fragmentsOfOthers(
  operation: OperationFile,
  operations: readonly OperationFile[],
): readonly FragmentDefinitionNode[] {
  return operations
    .filter((other) => other !== operation)
    .flatMap(({ document }) => document.definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION));
}
