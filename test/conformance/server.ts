/** The real server inside the test's own process, for tests that must reach behind its API. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { startServer } from '../../src/main/server.ts';
import type { System } from '../../src/main/system.ts';
import { ADMIN_PASSWORD } from '../support/registry.ts';
import { basic, type Target } from './client.ts';

export interface InProcess extends Target {
  readonly system: System;
  readonly port: number;
  stop(): Promise<void>;
}

export async function startInProcess(environment: Readonly<Record<string, string>> = {}): Promise<InProcess> {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-'));
  const config = readConfig({
    STRONGROOM_DATA: data,
    STRONGROOM_PORT: '0',
    STRONGROOM_ADMIN_PASSWORD: ADMIN_PASSWORD,
    STRONGROOM_LOG_LEVEL: 'silent',
    ...environment,
  });
  const onBroken = (error: Error) => {
    throw error;
  };
  const running = await startServer(config, { terminal: false, onBroken });
  const { url, system } = running;
  const authorization = basic('admin', ADMIN_PASSWORD);
  return {
    url,
    system,
    port: Number(new URL(url).port),
    adminPassword: ADMIN_PASSWORD,
    async api<T>(method: string, path: string, body?: unknown): Promise<T> {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return (text === '' ? undefined : JSON.parse(text)) as T;
    },
    async stop() {
      await running.close();
      await rm(data, { recursive: true, force: true });
    },
  };
}
