/** What is drawn over the test graph. */
import type { Oracle } from './oracle.ts';
import type { Subject } from './subject.ts';

export function nastyOracle(subject: Subject): Oracle {
  return {
    subject,
    pool: {
      ids: [
        '1',
        '2',
        '3',
        '4',
        '5',
        '6',
        '7',
        '8',
        '99',
        'x1',
        'x2',
        'x7',
        'f1',
        'f2',
        'f3',
        'g1',
        'g2',
        'g3',
        'r1',
        'r2',
        'A',
        'B',
      ],
      texts: ['a', 'o', 'book', 'isbn-2', 'isbn-5', 't', 'tag3', '', 'é"\\\n', '{x}', 'cm', 'm'],
    },
    limits: { depth: 5, fields: 45, rootFields: 4 },
    views: ['whole', 'whole', 'whole', 'shop', 'shop', 'narrow'],
    operations: [...new Array<'query'>(24).fill('query'), 'mutation', 'subscription'],
    faults: [0, 0, 0, 20, 20, 80, 80, 300],
    claims: [{}, { sub: '3' }, { sub: '5' }, { sub: null }],
  };
}
