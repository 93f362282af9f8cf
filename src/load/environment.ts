/** The environment variables that `${env:…}` may read. A parameter everywhere, so that tests and the demo can give their own. */
export type Environment = Readonly<Record<string, string | undefined>>;
