/** An answer as it is kept: as JSON, made once. */
import { hash } from 'node:crypto';

export interface KeptAnswer {
  readonly json: string;
  /** Read from the JSON when somebody looks into it: doors over HTTP do not. */
  readonly result: { readonly data: Record<string, unknown> | null };
  /** Of the JSON as UTF-8. */
  readonly bytes: number;
  readonly etag: string;
  readonly tags: readonly string[];
  /** `performance.now()`; in the past of this process for what another has made. */
  readonly madeAt: number;
  /** Up to which tick of the cache's clock it is known not to be out of date. */
  stamp: number;
  /** `performance.now()` before which it is not made anew in the background. */
  renewAt: number;
}

export function keptAnswer(
  json: string,
  { tags, madeAt, stamp }: Pick<KeptAnswer, 'tags' | 'madeAt' | 'stamp'>,
): KeptAnswer {
  return {
    json,
    result: {
      get data() {
        return (JSON.parse(json) as { readonly data: Record<string, unknown> | null }).data;
      },
    },
    bytes: Buffer.byteLength(json),
    // Weak: the same text is sent as two media types.
    etag: `W/"${hash('sha256', json, 'base64url').slice(0, 22)}"`,
    tags,
    madeAt,
    stamp,
    renewAt: Number.NEGATIVE_INFINITY,
  };
}
