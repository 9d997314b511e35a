/** Pure: what a client needs to be told to work with a repository, format by format. */
export interface SetupTarget {
  /** of the server, without a trailing slash */
  readonly url: string;
  readonly project: string;
  readonly repository: string;
  /** what stands in the place of a token: the token itself, or how to give it */
  readonly token: string;
  readonly user: string;
}

/** One thing to do: a file to write (or add to), or commands to run. */
export interface SetupStep {
  /** `~/.npmrc`, or what the commands are for */
  readonly title: string;
  readonly text: string;
}

const base = ({ url, project, repository }: SetupTarget, format: string) =>
  `${url}/pkg/${project}/${repository}/${format}`;
const withoutScheme = (url: string) => url.replace(/^https?:/, '');
const hostOf = (url: string) => url.replace(/^https?:\/\//, '');
/** `https://user:token@host/…` */
const inUrl = (url: string, { user, token }: SetupTarget) =>
  url.replace('://', `://${encodeURIComponent(user)}:${token}@`);

function npm(target: SetupTarget): SetupStep[] {
  const registry = `${base(target, 'npm')}/`;
  const auth = `${withoutScheme(registry)}:_authToken=${target.token}`;
  return [
    { title: '.npmrc of the project, or ~/.npmrc (npm, pnpm)', text: `registry=${registry}\n${auth}` },
    {
      title: 'only for one scope, instead of the first line',
      text: `@<scope>:registry=${registry}`,
    },
    {
      title: '.yarnrc.yml (yarn 2 and later)',
      text: [
        `npmRegistryServer: "${registry.slice(0, -1)}"`,
        `npmAuthToken: "${target.token}"`,
        ...(registry.startsWith('http:')
          ? ['unsafeHttpWhitelist:', `  - "${new URL(registry).hostname}"`]
          : []),
      ].join('\n'),
    },
  ];
}

function python(target: SetupTarget): SetupStep[] {
  const root = base(target, 'python');
  const trusted = target.url.startsWith('http:') ? `\ntrusted-host = ${new URL(target.url).hostname}` : '';
  return [
    {
      title: '~/.config/pip/pip.conf',
      text: `[global]\nindex-url = ${inUrl(`${root}/simple/`, { ...target, user: '__token__' })}${trusted}`,
    },
    {
      title: '~/.pypirc (twine)',
      text: [
        '[distutils]\nindex-servers = strongroom\n',
        `[strongroom]\nrepository = ${root}/\nusername = __token__\npassword = ${target.token}`,
      ].join('\n'),
    },
    {
      title: 'environment of uv',
      text: [
        `export UV_DEFAULT_INDEX=${inUrl(`${root}/simple/`, { ...target, user: '__token__' })}`,
        `export UV_PUBLISH_URL=${root}/`,
        `export UV_PUBLISH_TOKEN=${target.token}`,
      ].join('\n'),
    },
  ];
}

function maven(target: SetupTarget): SetupStep[] {
  const url = base(target, 'maven');
  return [
    {
      title: '~/.m2/settings.xml',
      text: `<settings>
  <servers>
    <server>
      <id>strongroom</id>
      <username>${target.user}</username>
      <password>${target.token}</password>
    </server>
  </servers>
  <profiles>
    <profile>
      <id>strongroom</id>
      <repositories>
        <repository>
          <id>strongroom</id>
          <url>${url}/</url>
          <snapshots><enabled>true</enabled></snapshots>
        </repository>
      </repositories>
      <pluginRepositories>
        <pluginRepository>
          <id>strongroom</id>
          <url>${url}/</url>
        </pluginRepository>
      </pluginRepositories>
    </profile>
  </profiles>
  <activeProfiles><activeProfile>strongroom</activeProfile></activeProfiles>
</settings>`,
    },
    {
      title: 'pom.xml, to deploy',
      text: `<distributionManagement>
  <repository>
    <id>strongroom</id>
    <url>${url}/</url>
  </repository>
  <snapshotRepository>
    <id>strongroom</id>
    <url>${url}/</url>
  </snapshotRepository>
</distributionManagement>`,
    },
    {
      title: 'build.gradle (Gradle)',
      text: `repositories {
  maven {
    url = "${url}/"${url.startsWith('http:') ? '\n    allowInsecureProtocol = true' : ''}
    credentials { username = "${target.user}"; password = "${target.token}" }
  }
}`,
    },
  ];
}

function nuget(target: SetupTarget): SetupStep[] {
  const source = `${base(target, 'nuget')}/index.json`;
  const insecure = source.startsWith('http:') ? ' allowInsecureConnections="true"' : '';
  return [
    {
      title: 'nuget.config beside the solution',
      text: `<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <packageSources>
    <add key="strongroom" value="${source}" protocolVersion="3"${insecure} />
  </packageSources>
  <packageSourceCredentials>
    <strongroom>
      <add key="Username" value="${target.user}" />
      <add key="ClearTextPassword" value="${target.token}" />
    </strongroom>
  </packageSourceCredentials>
</configuration>`,
    },
    { title: 'push', text: `dotnet nuget push <file>.nupkg --source strongroom --api-key ${target.token}` },
  ];
}

function go(target: SetupTarget): SetupStep[] {
  const root = base(target, 'go');
  const before = '$(go env GOPROXY)';
  return [
    {
      title: 'environment (what is not here is fetched as before)',
      text: [
        // the go command sends credentials over TLS only
        root.startsWith('http:')
          ? `# over plain HTTP go sends no credentials: make the repository public, or use TLS\nexport GOPROXY="${root},${before}"`
          : `export GOPROXY="${inUrl(root, target)},${before}"`,
        'export GONOSUMDB="<your module prefix>"',
      ].join('\n'),
    },
    {
      title: 'upload a module zip, made by the rules of golang.org/x/mod/zip',
      text: `curl -f -u ${target.user}:${target.token} -T <module>.zip ${root}/upload`,
    },
  ];
}

function helm(target: SetupTarget): SetupStep[] {
  const root = base(target, 'helm');
  const user = `-u ${target.user}:${target.token}`;
  return [
    {
      title: 'use charts',
      text: `helm repo add ${target.repository} ${root} --username ${target.user} --password ${target.token}\nhelm repo update`,
    },
    {
      title: 'upload a chart',
      text: `curl -f ${user} --data-binary @<chart>.tgz ${root}/api/charts`,
    },
    {
      title: 'upload a chart with its provenance file',
      text: `curl -f ${user} -F chart=@<chart>.tgz -F prov=@<chart>.tgz.prov ${root}/api/charts`,
    },
  ];
}

function generic(target: SetupTarget): SetupStep[] {
  const file = `${base(target, 'generic')}/<package>/<version>/<path>`;
  const user = `-u ${target.user}:${target.token}`;
  return [
    { title: 'upload', text: `curl --fail-with-body ${user} -T <file> ${file}` },
    {
      title: 'download, and its checksum; wget says why it is refused',
      text: [
        `curl -fO ${user} ${file}`,
        `curl -fO ${user} ${file}.sha256`,
        `wget --user ${target.user} --password ${target.token} ${file}`,
      ].join('\n'),
    },
  ];
}

/** Docker speaks plain HTTP to this machine only, unless its daemon is told so. */
const LOCAL = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

function oci(target: SetupTarget): SetupStep[] {
  const host = hostOf(target.url);
  const plain = target.url.startsWith('http:');
  const where = `${host}/${target.project}/${target.repository}`;
  const image = `${where}/<image>:<tag>`;
  const login = (command: string, flag: string) =>
    `echo ${target.token} | ${command} ${plain ? `${flag} ` : ''}${host} --username ${target.user} --password-stdin`;
  const steps = [
    {
      title: 'log in: with the client that you use',
      text: [
        `echo ${target.token} | docker login ${host} --username ${target.user} --password-stdin`,
        login('podman login', '--tls-verify=false'),
        login('helm registry login', '--plain-http'),
      ].join('\n'),
    },
    { title: 'push and pull (docker)', text: `docker push ${image}\ndocker pull ${image}` },
    { title: 'push (podman)', text: `podman push ${plain ? '--tls-verify=false ' : ''}${image}` },
    {
      title: 'push a chart (helm)',
      text: `helm push <chart>.tgz oci://${where}${plain ? ' --plain-http' : ''}`,
    },
  ];
  if (!plain || LOCAL.test(new URL(target.url).hostname)) return steps;
  const daemon = `{ "insecure-registries": ["${host}"] }`;
  return [{ title: '/etc/docker/daemon.json, since this is plain HTTP', text: daemon }, ...steps];
}

const FORMATS: Readonly<Record<string, (target: SetupTarget) => SetupStep[]>> = {
  oci,
  npm,
  python,
  maven,
  nuget,
  go,
  helm,
  generic,
};

export const SETUP_FORMATS = Object.keys(FORMATS);

/** The steps of a format; undefined: there is no such format. */
export const setupSteps = (format: string, target: SetupTarget): readonly SetupStep[] | undefined =>
  FORMATS[format]?.(target);
