/** A client's own operations, `clients/<client>/operations/*.graphql`, must fit its schema. */
import {
  concatAST,
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  NoUnusedFragmentsRule,
  specifiedRules,
  validate,
} from 'graphql';
import type { OperationFile } from '../load/client.ts';
import { placeOf } from '../load/sdl.ts';
import { conditionVariables } from '../plan/collect.ts';
import type { Problems } from '../problems.ts';
import type { View } from '../views/view.ts';
import { costOf } from './cost/operation-cost.ts';

/** Fragments may stand in files of their own and be used by all. */
export function checkOperations(view: View, problems: Problems): void {
  const { client, schema } = view;
  const { operations } = client;
  const rules = specifiedRules.filter((rule) => rule !== NoUnusedFragmentsRule);
  for (const operation of operations) {
    const document = concatAST([
      operation.document,
      { kind: Kind.DOCUMENT, definitions: fragmentsOfOthers(operation, operations) },
    ]);
    const errors = validate(schema, document, rules);
    if (errors.length === 0) checkCost(view, document, { file: operation.file, problems });
    for (const error of errors) {
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

/** What is certain to be refused: variables may make others dearer or cheaper. */
function checkCost(
  view: View,
  document: DocumentNode,
  { file, problems }: { readonly file: string; readonly problems: Problems },
): void {
  const { maximum } = view.client.settings.cost;
  if (maximum === undefined) return;
  const conditions = conditionVariables(document);
  for (const node of document.definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION) continue;
    if (node.variableDefinitions?.some(({ variable }) => conditions.includes(variable.name.value))) continue;
    const cost = costOf(view, { document, operationName: node.name?.value }, undefined)?.constant ?? 0;
    if (cost <= maximum) continue;
    problems.report({
      rule: 'operation-cost',
      at: placeOf(node.loc, file),
      message: `This operation costs more than "cost.maximum" of client.yml: it would always be refused.`,
      found: String(cost),
      expected: `at most ${maximum}`,
      hint: 'ask for shorter lists, or for less of each; "hem explain" tells what costs how much',
    });
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
