/** Every connector kind there is. Adding one is a folder beside this file and a line in this list. */
import type { ConnectorKind } from './kind.ts';
import { rest } from './rest/kind.ts';

export const KINDS: readonly ConnectorKind[] = [rest] as unknown as readonly ConnectorKind[];
