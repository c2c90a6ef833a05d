/**
 * Who may import whom (ARCHITECTURE.md, "Import order"). Type-only imports count.
 * @type {import('dependency-cruiser').IConfiguration}
 */

/** The features of the server, lowest first. */
const features = [
  'config',
  'http',
  'persistence',
  'keys',
  'auth',
  'transport',
  'nodes',
  'jobs',
  'feeds',
  'status',
];

/** The floors of the shared code, lowest first. */
const floors = ['lib', 'protocol', 'platform', 'api-client'];

/** In an ordered list of folders, none imports a later one. */
const noUpwardImport = (base, folders) =>
  folders.slice(0, -1).map((folder, index) => ({
    name: `${folder}-imports-upward`,
    severity: 'error',
    from: { path: `^${base}/${folder}/` },
    to: { path: `^${base}/(${folders.slice(index + 1).join('|')})/` },
  }));

/** Features on the same level do not know each other. */
const sideBySide = ['persistence', 'keys', 'auth'].map((feature) => ({
  name: `${feature}-imports-sideways`,
  severity: 'error',
  from: { path: `^src/server/${feature}/` },
  to: {
    path: `^src/server/(persistence|keys|auth)/`,
    pathNot: [`^src/server/${feature}/`, '\\.(port|module|entity)\\.ts$'],
  },
}));

/** A program imports itself, the shared code, and what `also` names. */
const standsAlone = (name, path, also = []) => ({
  name: `${name}-stands-alone`,
  severity: 'error',
  from: { path: `^${path}/` },
  to: { path: '^(src|ctl|migrations)/', pathNot: `^(${[path, 'src/shared', ...also].join('|')})/` },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    standsAlone('shared', 'src/shared'),
    standsAlone('migrations', 'migrations'),
    standsAlone('client', 'src/client'),
    standsAlone('cli', 'src/cli'),
    standsAlone('server', 'src/server', ['migrations']),
    standsAlone('ctl', 'ctl', ['src/server/(config|persistence|keys)']),
    {
      name: 'api-client-is-for-its-users',
      severity: 'error',
      from: { path: '^src/(client|server)/' },
      to: { path: '^src/shared/api-client/' },
    },
    {
      name: 'product-imports-no-test',
      severity: 'error',
      from: { path: '^(src|ctl|migrations)/' },
      to: { path: '^test/' },
    },
    {
      name: 'nest-in-the-server-only',
      severity: 'error',
      from: { path: '^(src/(shared|client|cli)|ctl)/' },
      to: { path: 'node_modules/@nestjs/' },
    },
    {
      name: 'zeromq-in-platform-only',
      severity: 'error',
      from: { path: '^(src|ctl)/', pathNot: '^src/shared/platform/zmq/' },
      to: { path: 'node_modules/zeromq/' },
    },
    {
      name: 'only-ports-across-features',
      severity: 'error',
      from: { path: `^src/server/(${features.join('|')})/` },
      to: {
        path: `^src/server/(${features.filter((f) => f !== 'config' && f !== 'http').join('|')})/`,
        pathNot: ['^src/server/$1/', '\\.(port|module|entity|decorator)\\.ts$'],
      },
    },
    {
      name: 'domain-is-pure',
      severity: 'error',
      from: { path: '^src/.+/domain/' },
      to: {
        path: '.',
        pathNot: ['^src/shared/(lib|protocol)/', '^src/.+/domain/', '\\.port\\.ts$'],
      },
    },
    ...noUpwardImport('src/shared', floors),
    ...noUpwardImport('src/server', features),
    ...sideBySide,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules/typescript)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
