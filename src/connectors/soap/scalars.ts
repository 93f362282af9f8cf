/** XSD's simple types: how their text becomes a value without loss, and how a value becomes their text. */
export interface Scalar {
  /** A text that is not of the type stays text, so that only the field that reads it fails. */
  readonly read: (text: string) => unknown;
  /** Undefined when the type has no text for the value. */
  readonly write: (value: unknown) => string | undefined;
  /** For messages: "a whole number". */
  readonly expected: string;
  /** The only texts there are. */
  readonly enumeration?: readonly string[];
  /** The text is several values with spaces between. */
  readonly isList?: boolean;
}

const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/;
const FLOAT = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const ZONE = '(?:Z|[+-]\\d\\d:\\d\\d)?';
const DATE = '-?\\d{4,}-\\d\\d-\\d\\d';
const TIME = '\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?';

/** Text of the caller may be longer than any backend wants; patterns above are linear, the rest is the backend's affair. */
const plainText = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
      ? String(value)
      : undefined;

const string: Scalar = { read: (text) => text, write: plainText, expected: 'a text' };

const collapsed: Scalar = {
  read: (text) => text.replace(/[\t\n\r ]+/g, ' ').trim(),
  write: plainText,
  expected: 'a text',
};

const boolean: Scalar = {
  read: (text) => {
    switch (text.trim()) {
      case 'true':
      case '1':
        return true;
      case 'false':
      case '0':
        return false;
      case '':
        return null;
      default:
        return text;
    }
  },
  write: (value) => {
    if (typeof value === 'boolean') return String(value);
    return value === 'true' || value === 'false' ? value : undefined;
  },
  expected: 'true or false',
};

const integer: Scalar = {
  read: (text) => {
    const trimmed = text.trim();
    if (trimmed === '') return null;
    if (!INTEGER.test(trimmed)) return trimmed;
    const number = Number(trimmed);
    return Number.isSafeInteger(number) ? number + 0 : trimmed;
  },
  write: (value) => {
    if (typeof value === 'bigint') return String(value);
    // Beyond 2^53 a number has lost digits already; whoever needs them gives text.
    if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value).toString() : undefined;
    return typeof value === 'string' && INTEGER.test(value) ? value : undefined;
  },
  expected: 'a whole number',
};

const decimal: Scalar = {
  read: (text) => {
    const trimmed = text.trim();
    if (trimmed === '') return null;
    // Its digits are the value: 12.50 says more than 12.5, and a double holds few of them exactly.
    return DECIMAL.test(trimmed) ? toCanonical(trimmed) : trimmed;
  },
  write: (value) => {
    if (typeof value === 'bigint') return String(value);
    if (typeof value === 'number') return Number.isFinite(value) ? toPlainDecimal(value) : undefined;
    return typeof value === 'string' && DECIMAL.test(value) ? value : undefined;
  },
  expected: 'a decimal number',
};

const double: Scalar = {
  read: (text) => {
    const trimmed = text.trim();
    if (trimmed === '') return null;
    // INF, -INF and NaN are no numbers of JSON and stay text.
    return FLOAT.test(trimmed) ? Number(trimmed) : trimmed;
  },
  write: (value) => {
    if (typeof value === 'number') {
      if (Number.isFinite(value)) return String(value);
      return Number.isNaN(value) ? 'NaN' : value > 0 ? 'INF' : '-INF';
    }
    if (typeof value !== 'string') return undefined;
    return FLOAT.test(value) || value === 'INF' || value === '-INF' || value === 'NaN' ? value : undefined;
  },
  expected: 'a number',
};

/** Dates and times stay the text that they are: a zone, its absence and any precision survive. */
function temporal(pattern: string, expected: string): Scalar {
  const whole = new RegExp(`^${pattern}$`);
  return {
    read: (text) => text.trim() || null,
    write: (value) => (typeof value === 'string' && whole.test(value) ? value : undefined),
    expected,
  };
}

const dateTime: Scalar = {
  ...temporal(`${DATE}T${TIME}${ZONE}`, 'a date and time such as 2026-11-22T10:00:00Z'),
};

const base64: Scalar = {
  read: (text) => text.replace(/[\t\n\r ]+/g, ''),
  write: (value) => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
    return typeof value === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(value) && value.length % 4 === 0
      ? value
      : undefined;
  },
  expected: 'base64 text',
};

const hexBinary: Scalar = {
  read: (text) => text.replace(/[\t\n\r ]+/g, ''),
  write: (value) => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
    return typeof value === 'string' && /^(?:[0-9a-fA-F]{2})*$/.test(value) ? value : undefined;
  },
  expected: 'hexadecimal text',
};

export const anySimple: Scalar = string;

/** XSD's built-in types by local name. */
export const BUILT_IN: ReadonlyMap<string, Scalar> = new Map<string, Scalar>([
  ...['string', 'normalizedString', 'anySimpleType', 'anyAtomicType'].map((name) => [name, string] as const),
  ...[
    'token',
    'language',
    'Name',
    'NCName',
    'NMTOKEN',
    'ID',
    'IDREF',
    'ENTITY',
    'anyURI',
    'QName',
    'NOTATION',
  ].map((name) => [name, collapsed] as const),
  ...['NMTOKENS', 'IDREFS', 'ENTITIES'].map((name) => [name, toList(collapsed)] as const),
  ['boolean', boolean],
  ...[
    'byte',
    'short',
    'int',
    'long',
    'integer',
    'unsignedByte',
    'unsignedShort',
    'unsignedInt',
    'unsignedLong',
    'negativeInteger',
    'nonNegativeInteger',
    'positiveInteger',
    'nonPositiveInteger',
  ].map((name) => [name, integer] as const),
  ['decimal', decimal],
  ['float', double],
  ['double', double],
  ['dateTime', dateTime],
  ['dateTimeStamp', dateTime],
  ['date', temporal(DATE + ZONE, 'a date such as 2026-11-22')],
  ['time', temporal(TIME + ZONE, 'a time such as 10:00:00')],
  ['gYear', temporal(`-?\\d{4,}${ZONE}`, 'a year such as 2026')],
  ['gYearMonth', temporal(`-?\\d{4,}-\\d\\d${ZONE}`, 'a month such as 2026-11')],
  ['gMonth', temporal(`--\\d\\d${ZONE}`, 'a month such as --11')],
  ['gMonthDay', temporal(`--\\d\\d-\\d\\d${ZONE}`, 'a day such as --11-22')],
  ['gDay', temporal(`---\\d\\d${ZONE}`, 'a day such as ---22')],
  ...['duration', 'dayTimeDuration', 'yearMonthDuration'].map(
    (name) =>
      [
        name,
        temporal(
          '-?P(?=[\\dT])(?:\\d+Y)?(?:\\d+M)?(?:\\d+D)?(?:T(?=\\d)(?:\\d+H)?(?:\\d+M)?(?:\\d+(?:\\.\\d+)?S)?)?',
          'a duration such as P1DT12H',
        ),
      ] as const,
  ),
  ['base64Binary', base64],
  ['hexBinary', hexBinary],
]);

/** A type whose text is values of `item` with spaces between. */
export function toList(item: Scalar): Scalar {
  return {
    read: (text) => {
      const trimmed = text.trim();
      return trimmed === '' ? [] : trimmed.split(/[\t\n\r ]+/).map(item.read);
    },
    write: (value) => {
      const texts = (Array.isArray(value) ? value : [value]).map(item.write);
      return texts.every((text) => text !== undefined && !/[\t\n\r ]/.test(text))
        ? texts.join(' ')
        : undefined;
    },
    expected: `a list, each ${item.expected}`,
    isList: true,
  };
}

/** The same type with nothing but these texts. */
export function toEnumeration(base: Scalar, texts: readonly string[]): Scalar {
  const allowed = new Set(texts);
  return {
    read: base.read,
    isList: base.isList,
    write: (value) => {
      const text = base.write(value);
      return text !== undefined && allowed.has(text) ? text : undefined;
    },
    expected: texts.length > 20 ? `one of ${texts.length} texts` : `one of ${texts.join(', ')}`,
    enumeration: texts,
  };
}

/** Without exponent: XSD's decimal has none. */
function toPlainDecimal(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  const [digits = '', exponent = ''] = text.split('e');
  const sign = digits.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = digits.replace('-', '').split('.');
  const point = whole.length + Number(exponent);
  const all = whole + fraction;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${all}`;
  return point >= all.length
    ? sign + all.padEnd(point, '0')
    : `${sign}${all.slice(0, point)}.${all.slice(point)}`;
}

/** As JSON writes it: no plus sign, a digit on both sides of the point. */
function toCanonical(text: string): string {
  return text
    .replace(/^\+/, '')
    .replace(/^(-?)\./, '$10.')
    .replace(/\.$/, '');
}
