/** The SOAP header of a binding: elements of connector.yml, and the directive's in their place. */
import { HemError } from '../../errors.ts';
import type { Literal } from '../../mapping/literal.ts';
import type { Values } from '../../mapping/values.ts';
import { didYouMean } from '../../problems.ts';
import type { ConnectorSource, FieldToBind } from '../kind.ts';
import { RequestChecker, slotOfElement } from './check-request.ts';
import type { EncoderCompiler } from './encode.ts';
import type { SoapSpec } from './load.ts';
import type { SoapOptions } from './options.ts';
import { type ElementDeclaration, isNamed } from './shape.ts';
import type { Message, Port } from './wsdl.ts';

/** The header's content. Undefined after a reported problem. */
export function bindHeader(
  field: FieldToBind,
  spec: SoapSpec,
  source: ConnectorSource<SoapOptions>,
  { port, input, compiler }: { port: Port; input: Message; compiler: EncoderCompiler },
): ((values: Values) => string) | undefined {
  const literal = field.directive.header === undefined ? undefined : field.literal(['header']);
  if (literal === undefined && typeof field.directive.header === 'string') return undefined;
  const own = literal === undefined ? [] : headerElements(field, spec, input, literal);
  if (own === undefined) return undefined;
  const replaced = new Set(own.map(({ declaration }) => declaration.local));
  let fixed = '';
  for (const { declaration, value } of spec.headers) {
    if (replaced.has(declaration.local) || !belongsTo(declaration, input, port)) continue;
    try {
      fixed += compiler.element(declaration)(value, declaration.local);
    } catch (error) {
      if (!(error instanceof HemError)) throw error;
      source.report(['header', declaration.local], {
        rule: 'soap-header',
        message: 'The header does not fit the WSDL.',
        found: error.publicText,
      });
    }
  }
  if (literal === undefined) return () => fixed;
  const writers = own.map(({ key, declaration }) => ({
    key,
    local: declaration.local,
    write: compiler.element(declaration),
  }));
  return (values) => {
    const given = literal.evaluate(values) as Record<string, unknown>;
    let text = fixed;
    for (const { key, local, write } of writers) {
      if (given[key] !== undefined && given[key] !== null) text += write(given[key], local);
    }
    return text;
  };
}

/** A header that the WSDL declares for other operations is not sent with this one; one that it never declares, with all. */
function belongsTo(declaration: ElementDeclaration, input: Message, port: Port): boolean {
  if (input.headers.includes(declaration)) return true;
  return ![...port.operations.values()].some((operation) => operation.input()?.headers.includes(declaration));
}

function headerElements(
  field: FieldToBind,
  spec: SoapSpec,
  input: Message,
  literal: Literal,
): ReadonlyArray<{ key: string; declaration: ElementDeclaration }> | undefined {
  const { node } = literal;
  if (node.kind !== 'ObjectValue') {
    field.report(
      {
        rule: 'soap-header',
        message: '"header" is an object: header elements by name.',
        expected: '{ Name: { … } }',
      },
      ['header'],
    );
    return undefined;
  }
  const checker = new RequestChecker(field, spec.schemas, ['header']);
  const elements = node.fields.map(({ name, value, loc }) => {
    const declared = input.headers.find(({ local }) => isNamed(local, name.value));
    const named = spec.schemas.elementsNamed(name.value);
    const declaration = declared ?? (named.length === 1 ? named[0] : undefined);
    if (declaration === undefined) {
      const names = input.headers.map(({ local }) => local);
      field.report(
        {
          rule: 'soap-unknown-header',
          message: `${spec.file} has no header element of this name.`,
          found: name.value,
          expected: names.join(', ') || 'an element of the WSDL: the operation declares no header',
          hint: didYouMean(name.value, names.length > 0 ? names : spec.schemas.elementNames()),
        },
        ['header'],
        loc?.start ?? 0,
      );
      return undefined;
    }
    checker.literal({ ...literal, node: value }, slotOfElement(declaration));
    return { key: name.value, declaration };
  });
  const known = elements.filter((element) => element !== undefined);
  return known.length === elements.length ? known : undefined;
}
