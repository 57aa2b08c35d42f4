/** The recipes against what they are recipes for; no container engine is needed to see that they belong together. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

const read = (file: string): string => readFileSync(path.join(import.meta.dirname, '..', file), 'utf8');
const dockerfile = read('deploy/Dockerfile');
const page = read('docs/deploy.md');
const manifests = parseAllDocuments(read('deploy/kubernetes.yaml')).map((document) => document.toJS());
const deployment = manifests.find(({ kind }) => kind === 'Deployment');
const pod = deployment.spec.template.spec;
const [container] = pod.containers;

/** The operator's table: names, and whether each can be a file. */
const settings = new Map(
  read('docs/operator.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split(' | ')[0] ?? '').matchAll(/`([A-Za-z_]+)`( \*)?/g)])
    .map(([, name, secret]) => [name, secret !== undefined] as const)
    // A table further down says more of some of them; the first is the one of the environment.
    .reverse(),
);

/** Settings that a recipe gives, without the suffix of those given as files. */
function given(text: string): { name: string; file: boolean }[] {
  return [...text.matchAll(/(?:-e |name: |^ {2}|ENV )([A-Z][A-Z_]{3,})(?==|$)/gm)].map(([, name = '']) => ({
    name: name.replace(/_FILE$/, ''),
    file: name.endsWith('_FILE'),
  }));
}

describe('the recipes', () => {
  it.each([
    ['deploy/kubernetes.yaml', read('deploy/kubernetes.yaml')],
    ['docs/deploy.md', page],
    ['deploy/Dockerfile', dockerfile],
  ])('%s gives settings that exist, and secrets as files alone', (_file, text) => {
    const all = given(text).filter(({ name }) => name !== 'PATH');
    expect(all.length).toBeGreaterThan(3);
    for (const { name, file } of all) {
      expect([...settings.keys()]).toContain(name);
      expect(`${name} as a file: ${file}`).toBe(`${name} as a file: ${settings.get(name)}`);
    }
  });

  it('give everything that production asks for', () => {
    const asked = ['DATABASE_URL', 'DATABASE_OWNER_URL', 'MASTER_KEY', 'AUDIT_SIGNING_KEY'];
    for (const text of [read('deploy/kubernetes.yaml'), page])
      expect(given(text).map(({ name }) => name)).toEqual(expect.arrayContaining(asked));
    expect(given(dockerfile).map(({ name }) => name)).toEqual(expect.arrayContaining(['NODE_ENV', 'HOST']));
  });

  it('run as an ordinary account that can become nobody else, under the default profile', () => {
    expect(dockerfile).toMatch(/^USER 10001:10001$/m);
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 10_001,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    for (const flag of [
      '--read-only',
      '--cap-drop ALL',
      '--security-opt no-new-privileges',
      '--user 10001:10001',
    ])
      expect(page).toContain(flag);
    expect(page).not.toMatch(/run .*--privileged/);
  });

  it('have an init as PID 1, the probes, a time to stop, and places that may be written', () => {
    expect(dockerfile).toContain('ENTRYPOINT ["/usr/bin/tini", "--"]');
    expect(container.livenessProbe.httpGet.path).toBe('/healthz');
    expect(container.startupProbe.httpGet.path).toBe('/healthz');
    expect(container.readinessProbe.httpGet.path).toBe('/readyz');
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(4);
    const mounted = container.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath);
    expect(mounted).toEqual(['/data', '/tmp', '/run/secrets/countersign']);
    expect(container.ports[0].containerPort).toBe(Number(/PORT=(\d+)/.exec(dockerfile)?.[1]));
  });
});
