import { z } from 'zod';
import { cache, dedupe } from '../../upstream/sharing-settings.ts';

export const options = z.strictObject({
  /** An OpenAPI document (3.x, YAML or JSON) in the connector's folder that bindings are checked against. */
  spec: z.string().optional(),
  /** What is asked the same at the same time is asked once. */
  dedupe,
  /** Answers are kept as long as the backend's headers allow. */
  cache,
});

export type RestOptions = z.output<typeof options>;

export const directives = /* GraphQL */ `
  """
  One HTTP request. Exactly one of get, head, post, put, patch, delete is a URL template: each reference in the path is
  encoded into one segment, a query pair whose reference is absent is dropped.
  """
  directive @rest(
    get: String
    head: String
    post: String
    put: String
    patch: String
    delete: String
    "A literal, sent as JSON."
    body: String
    "A literal that is an object, sent as application/x-www-form-urlencoded."
    form: String
    "A literal that is an object, sent as multipart/form-data; uploads become files."
    multipart: String
    headers: [RestHeader!]
    "Path to the part of the answer that the field is."
    select: String
  ) on FIELD_DEFINITION

  input RestHeader {
    name: String!
    "A template."
    value: String!
  }
`;
