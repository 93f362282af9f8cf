/** The directives and scalars that Hem knows in SDL. Names follow the GraphQL Composite Schemas draft where it has one. */

/** Scalars that may be used without declaring them. */
export const BUILT_IN_SCALARS = [
  'BigInt',
  'Decimal',
  'Bytes',
  'DateTime',
  'Date',
  'Time',
  'Duration',
  'JSON',
  'Upload',
] as const;

/** Who may see something; in connectors' schemas and in views. */
const RULE_DIRECTIVES = /* GraphQL */ `
  "Only callers who have said who they are."
  directive @authenticated on FIELD_DEFINITION | OBJECT | INTERFACE | ENUM | SCALAR | INPUT_OBJECT
  "Only callers who have all scopes of one of the lists."
  directive @requiresScopes(scopes: [[String!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | ENUM | SCALAR | INPUT_OBJECT
`;

/** What things cost, and how often they may be asked for; in connectors' schemas and in views. */
const QUOTA_DIRECTIVE = /* GraphQL */ `
  "How many operations may ask for it: in each calendar period (UTC), or in any so long."
  directive @quota(limit: Int!, window: String!, per: QuotaPartition! = CONSUMER, claim: String) repeatable on FIELD_DEFINITION
  enum QuotaPartition {
    CONSUMER
    KEY
    IP
    CLIENT
    CLAIM
  }
  scalar CostWeight
`;

/** What plans grant by; in connectors' schemas and in views. */
const TAG_DIRECTIVE = /* GraphQL */ `
  "A group of fields that plans include or exclude."
  directive @tag(name: String!) repeatable on FIELD_DEFINITION | OBJECT | INTERFACE
`;

/** What of the backends may have changed; in connectors' schemas and in views. */
const INVALIDATES_DIRECTIVE = /* GraphQL */ `
  "After this mutation nothing that was kept of the type is used any more; with a key, nothing of that one entity. The key is an argument, or a path into the result."
  directive @invalidates(type: String!, key: String) repeatable on FIELD_DEFINITION
  enum CacheControlScope {
    PUBLIC
    PRIVATE
  }
`;

/** In `connectors/<name>/schema.graphql`. The binding directive of the connector's kind comes on top. */
export const CONNECTOR_DIRECTIVES = /* GraphQL */ `
  "The entity can be identified by these fields. Resolves nothing by itself."
  directive @key(fields: String!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE
  "This root field finds an entity by the key its arguments make up. With a list argument it finds many, matched by the key they return."
  directive @lookup on FIELD_DEFINITION
  "Which key field an argument is (a value map), or which claim of the caller fills it."
  directive @is(field: String, claim: String) on ARGUMENT_DEFINITION
  "The argument is filled from fields of other connectors (a value map) and disappears from the graph."
  directive @require(field: String!) on ARGUMENT_DEFINITION
  "For this connector's own lookups only; not part of the graph."
  directive @internal on FIELD_DEFINITION | OBJECT
  "No view may show it; @require may use it."
  directive @inaccessible on FIELD_DEFINITION | OBJECT | INTERFACE | UNION | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION | SCALAR | ARGUMENT_DEFINITION
  "Several connectors may define it, all with the same meaning."
  directive @shareable repeatable on OBJECT | FIELD_DEFINITION
  "Where in the parent's record the value is: a value map, or a function of mapping.ts; the wire value of an enum value."
  directive @from(path: String, map: String, value: String) on FIELD_DEFINITION | ENUM_VALUE
  "Which concrete type a record is: the property that says so, and which of its values means which type (by default the type's name). Nested: the record proper stands under a key named like the value, as in a protobuf oneof."
  directive @discriminator(property: String!, mapping: [DiscriminatorValue!], nested: Boolean = false) on INTERFACE | UNION
  "What stands in for an error when the backend fails: what it last answered, if that is no older (10m), else the value."
  directive @fallback(value: FallbackValue, stale: String) on FIELD_DEFINITION
  input DiscriminatorValue {
    value: String!
    type: String!
  }
  scalar FallbackValue
  "What it costs each time: a field that it is asked for, an argument or input field that it is given, a value of a type that it is there."
  directive @cost(weight: CostWeight!) on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | ENUM | SCALAR
  "How long a list is taken to be: its own, or those below that are named."
  directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION
  "How many seconds answers with it may be kept, and whether for everybody. The lowest of an operation holds for all of it."
  directive @cacheControl(maxAge: Int, scope: CacheControlScope, inheritMaxAge: Boolean) on FIELD_DEFINITION | OBJECT | INTERFACE | UNION
  ${INVALIDATES_DIRECTIVE}
  ${RULE_DIRECTIVES}
  ${QUOTA_DIRECTIVE}
  ${TAG_DIRECTIVE}
`;

/** In `schemas/<client>.graphql`. */
export const VIEW_DIRECTIVES = /* GraphQL */ `
  "What of the graph this is, when the name or shape differs."
  directive @from(type: String, field: String, path: String, args: String, argument: String, value: String) on OBJECT | INTERFACE | UNION | ENUM | INPUT_OBJECT | SCALAR | FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | ENUM_VALUE
  "What it costs each time, where that is more than in the graph."
  directive @cost(weight: CostWeight!) on FIELD_DEFINITION | OBJECT | ENUM | SCALAR
  "How long a list is taken to be, where that is longer than in the graph."
  directive @listSize(assumedSize: Int!) on FIELD_DEFINITION
  "Answers with it are kept for a shorter time than connectors allow, or not for everybody."
  directive @cacheControl(maxAge: Int, scope: CacheControlScope) on FIELD_DEFINITION | OBJECT | INTERFACE | UNION
  ${INVALIDATES_DIRECTIVE}
  ${RULE_DIRECTIVES}
  ${QUOTA_DIRECTIVE}
  ${TAG_DIRECTIVE}
`;
