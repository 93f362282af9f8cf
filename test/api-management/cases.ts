/** What is tried of the management of APIs on each store, by its commands and over HTTP only. */
import { afterAll, beforeAll } from 'vitest';
import { Deployment, type StoreKind } from './deployment.ts';
import { keyCases } from './key-cases.ts';
import { limitCases } from './limit-cases.ts';
import { planCases } from './plan-cases.ts';
import { portalCases } from './portal-cases.ts';
import { restartCases } from './restart-cases.ts';
import { usageCases } from './usage-cases.ts';

type Cases = (deployment: () => Deployment) => void;

const CASES: readonly Cases[] = [limitCases, keyCases, portalCases, usageCases, planCases, restartCases];

/** @param more of this store only */
export function managesApis(kind: StoreKind, ...more: readonly Cases[]): void {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await Deployment.start(kind);
  });
  afterAll(() => deployment?.[Symbol.asyncDispose]());
  for (const cases of [...CASES, ...more]) cases(() => deployment);
}
