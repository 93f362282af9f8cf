/**
 * What of an answer in parts waits: what is deferred, and items of a stream beyond the first ones. It would share calls with the first
 * part otherwise, which would then wait for it. It begins when that part is out; or a while later than usual, since a first part that hangs
 * must not keep what comes after it from being asked for in time.
 */
import {
  type FieldNode,
  type FragmentSpreadNode,
  GraphQLDeferDirective,
  type GraphQLResolveInfo,
  getDirectiveValues,
  type InlineFragmentNode,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import type { CallContext } from '../call-context.ts';

/** Of the operation's time. */
const SHARE = 0.25;

export class HeldBack {
  /** When it begins. */
  readonly begins: Promise<void>;
  readonly #timer: NodeJS.Timeout;
  readonly #resolve: () => void;
  /** The fields that stand anywhere without being deferred. */
  #plain: ReadonlySet<FieldNode> | undefined;

  constructor({ cancellation, deadlineAt }: Pick<CallContext, 'cancellation' | 'deadlineAt'>) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.begins = promise;
    this.#resolve = resolve;
    const begin = () => this.begin();
    this.#timer = setTimeout(begin, Math.max(0, (deadlineAt - performance.now()) * SHARE)).unref();
    cancellation.add(begin);
  }

  /** The first part is out, or there is no other. */
  begin(): void {
    clearTimeout(this.#timer);
    this.#resolve();
  }

  isDeferred(info: GraphQLResolveInfo): boolean {
    this.#plain ??= plainFieldsOf(info);
    for (const node of info.fieldNodes) if (this.#plain.has(node)) return false;
    return true;
  }
}

function plainFieldsOf({ operation, fragments, variableValues }: GraphQLResolveInfo): ReadonlySet<FieldNode> {
  const found = new Set<FieldNode>();
  const spread = new Set<string>();
  const isDeferred = (node: InlineFragmentNode | FragmentSpreadNode): boolean => {
    const defer = getDirectiveValues(GraphQLDeferDirective, node, variableValues);
    return defer !== undefined && defer.if !== false;
  };
  const walk = ({ selections }: SelectionSetNode): void => {
    for (const node of selections) {
      if (node.kind === Kind.FIELD) {
        found.add(node);
        if (node.selectionSet !== undefined) walk(node.selectionSet);
      } else if (isDeferred(node)) continue;
      else if (node.kind === Kind.INLINE_FRAGMENT) walk(node.selectionSet);
      else if (!spread.has(node.name.value)) {
        spread.add(node.name.value);
        const fragment = fragments[node.name.value];
        if (fragment !== undefined) walk(fragment.selectionSet);
      }
    }
  };
  walk(operation.selectionSet);
  return found;
}
