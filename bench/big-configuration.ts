/** Loading a configuration that is much larger than most will ever have. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './processes/child.ts';

export interface ConfigurationSize {
  readonly connectors: number;
  readonly fields: number;
  readonly clients: number;
}

export interface ConfigurationReport extends ConfigurationSize {
  /** From the directory to views that are checked. */
  readonly loadMs: number;
  readonly cpuMs: number;
  /** What the loaded generation holds after a collection. */
  readonly heapMb: number;
  readonly rssMb: number;
}

const TYPES_PER_CONNECTOR = 10;

export async function measureBigConfiguration(size: ConfigurationSize): Promise<ConfigurationReport> {
  const directory = await mkdtemp(join(tmpdir(), 'hem-bench-'));
  try {
    for (const [path, text] of filesOf(size)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
    await using child = new Child('configuration', {
      entry: fileURLToPath(new URL('./processes/configuration.ts', import.meta.url)),
      args: [directory],
      // The young generation as hem.sh bounds it.
      flags: ['--expose-gc', '--max-semi-space-size=16'],
    });
    return { ...size, ...(await child.ready<Omit<ConfigurationReport, keyof ConfigurationSize>>()) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function* filesOf({
  connectors,
  fields,
  clients,
}: ConfigurationSize): Generator<[path: string, text: string]> {
  const perType = Math.round(fields / connectors / TYPES_PER_CONNECTOR);
  for (let connector = 0; connector < connectors; connector++) {
    const folder = `connectors/backend-${connector}`;
    yield [`${folder}/connector.yml`, 'kind: rest\nendpoint: http://127.0.0.1:9\n'];
    yield [`${folder}/schema.graphql`, schemaOf([connector], perType, true)];
  }
  // Every client sees a quarter of it, each another one.
  const shown = Math.ceil(connectors / 4);
  for (let client = 0; client < clients; client++) {
    const first = Math.floor((client * connectors) / clients);
    const seen = Array.from({ length: shown }, (_, index) => (first + index) % connectors);
    yield [`clients/client-${client}/client.yml`, 'engine: compiled\n'];
    yield [`schemas/client-${client}.graphql`, schemaOf(seen, perType, false)];
  }
}

function schemaOf(connectors: readonly number[], fieldsPerType: number, bound: boolean): string {
  const roots: string[] = [];
  const types: string[] = [];
  for (const connector of connectors) {
    for (let index = 0; index < TYPES_PER_CONNECTOR; index++) {
      const name = `Thing${connector}x${index}`;
      const binding = bound ? ` @lookup @rest(get: "/things-${index}/{id}")` : '';
      roots.push(`  thing${connector}x${index}(id: ID!): ${name}${binding}`);
      const next = `Thing${connector}x${(index + 1) % TYPES_PER_CONNECTOR}`;
      const from = bound ? ' @from(path: "{ id: next_id }")' : '';
      const lines = ['  id: ID!', `  next: ${next}${from}`];
      for (let field = lines.length; field < fieldsPerType - 1; field++)
        lines.push(
          `  field${field}: String${bound && field % 3 === 0 ? ` @from(path: "a.field_${field}")` : ''}`,
        );
      types.push(`type ${name}${bound ? ' @key(fields: "id")' : ''} {\n${lines.join('\n')}\n}`);
    }
  }
  return `type Query {\n${roots.join('\n')}\n}\n\n${types.join('\n\n')}\n`;
}
