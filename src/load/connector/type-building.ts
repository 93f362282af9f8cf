/** What is at hand while the types of one connector are built from its SDL. */
import type { ConnectorSource } from '../../connectors/kind.ts';
import type { Problems } from '../../problems.ts';
import type { DirectiveReader } from '../directives/directive-reader.ts';
import type { Connector } from '../model.ts';
import type { CheckedSdl } from '../sdl.ts';
import type { MappingFunction } from './mapping-module.ts';

export interface TypeParts {
  readonly sdl: CheckedSdl;
  /** Undefined when the spec was unusable; bindings are then not checked. */
  readonly spec: unknown;
  readonly source: ConnectorSource<unknown>;
  /** Of mapping.ts; undefined when it could not be loaded. */
  readonly functions: ReadonlyMap<string, MappingFunction> | undefined;
  readonly problems: Problems;
}

export interface TypeBuilding extends TypeParts {
  /** Its types are being built. */
  readonly connector: Connector;
  readonly reader: DirectiveReader;
}
