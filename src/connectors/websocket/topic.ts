/** Topic templates: a caller's value stays one part of the topic, and never becomes a pattern. */
import { HemError } from '../../errors.ts';
import { absentValue, type Template, type TemplatePart, toPartText } from '../../mapping/template.ts';
import type { Values } from '../../mapping/values.ts';

const MAX_CHARACTERS = 1024;
const CONTROL = /\p{Cc}/u;

/**
 * Compiles a template into a topic.
 * @returns a function that throws {HemError} BAD_ARGUMENT for a value that is absent or would change what the topic means
 */
export function toTopic(template: Template): (values: Values) => string {
  const separators = separatorsOf(template);
  const parts = template.map((part) =>
    part.kind === 'text' ? () => part.text : toCheckedText(part, separators),
  );
  return (values) => {
    let topic = '';
    for (const part of parts) topic += part(values);
    if (topic.length > MAX_CHARACTERS) {
      throw new HemError('BAD_ARGUMENT', {
        publicText: `The topic would have more than ${MAX_CHARACTERS} characters.`,
      });
    }
    return topic;
  };
}

/** Which punctuation separates parts differs between backends: what the template itself uses is what counts here. */
function separatorsOf(template: Template): ReadonlySet<string> {
  const texts = template.flatMap((part) => (part.kind === 'text' ? [part.text] : []));
  return new Set(texts.join('').match(/[^\p{L}\p{N}_-]/gu));
}

function toCheckedText(
  part: TemplatePart & { kind: 'value' },
  separators: ReadonlySet<string>,
): (values: Values) => string {
  const textOf = toPartText(part);
  const name = part.reference.text;
  return (values) => {
    const text = textOf(values);
    if (text === undefined) throw absentValue(part.reference);
    const why = objection(text, separators);
    if (why === undefined) return text;
    throw new HemError('BAD_ARGUMENT', { publicText: `"${name}" ${why}, and cannot be part of a topic.` });
  };
}

function objection(text: string, separators: ReadonlySet<string>): string | undefined {
  if (text === '') return 'is empty';
  if (!text.isWellFormed()) return 'is not well-formed Unicode';
  if (CONTROL.test(text)) return 'contains a control character';
  // Wildcards: "*" and "#" anywhere (globs, AMQP, MQTT), "+" and ">" only as a whole part (MQTT, NATS).
  if (/[*#]|^[+>]$/.test(text)) return 'contains a wildcard';
  for (const character of text) {
    if (separators.has(character)) return `contains "${character}", which separates parts of the topic`;
  }
  return undefined;
}
