/**
 * Who may import whom (ARCHITECTURE.md, "Import order"). Type-only imports count.
 * @type {import('dependency-cruiser').IConfiguration}
 */
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

/** A feature may not import a feature that stands above it. */
const noUpward = features.map((feature, index) => ({
  name: `${feature}-imports-upward`,
  severity: 'error',
  from: { path: `^src/${feature}/` },
  to: { path: `^src/(${[...features.slice(index + 1), 'none'].join('|')})/` },
}));

/** Features that stand side by side do not know of each other. */
const sideBySide = ['persistence', 'keys', 'auth'].map((feature) => ({
  name: `${feature}-imports-sideways`,
  severity: 'error',
  from: { path: `^src/${feature}/` },
  to: {
    path: `^src/(persistence|keys|auth)/`,
    pathNot: [`^src/${feature}/`, '\\.(port|module|entity)\\.ts$'],
  },
}));

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'lib-is-pure',
      severity: 'error',
      from: { path: '^src/lib/' },
      to: { path: '^src/', pathNot: '^src/lib/' },
    },
    {
      name: 'protocol-imports-lib-only',
      severity: 'error',
      from: { path: '^src/protocol/' },
      to: { path: '^src/', pathNot: '^src/(lib|protocol)/' },
    },
    {
      name: 'platform-imports-below-only',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^src/', pathNot: '^src/(lib|protocol|platform)/' },
    },
    {
      name: 'api-client-imports-below-only',
      severity: 'error',
      from: { path: '^src/api-client/' },
      to: { path: '^src/', pathNot: '^src/(lib|protocol|platform|api-client)/' },
    },
    {
      name: 'client-stands-alone',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { path: '^src/', pathNot: '^src/(lib|protocol|platform|client)/' },
    },
    {
      name: 'cli-stands-alone',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/', pathNot: '^src/(lib|protocol|platform|api-client|cli)/' },
    },
    {
      name: 'ctl-stands-alone',
      severity: 'error',
      from: { path: '^ctl/' },
      to: { path: '^src/', pathNot: '^src/(lib|protocol|platform|api-client|config|persistence|keys)/' },
    },
    {
      name: 'server-imports-no-program',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(client|cli)/' },
      to: { path: '^(src/(client|cli)|ctl)/' },
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
      from: { path: '^(src/(lib|protocol|platform|api-client|client|cli)|ctl)/' },
      to: { path: 'node_modules/@nestjs/' },
    },
    {
      name: 'zeromq-in-platform-only',
      severity: 'error',
      from: { path: '^(src|ctl)/', pathNot: '^src/platform/zmq/' },
      to: { path: 'node_modules/zeromq/' },
    },
    {
      name: 'only-ports-across-features',
      severity: 'error',
      from: { path: `^src/(${features.join('|')})/` },
      to: {
        path: `^src/(${features.filter((f) => f !== 'config' && f !== 'http').join('|')})/`,
        pathNot: ['^src/$1/', '\\.(port|module|entity|decorator)\\.ts$'],
      },
    },
    {
      name: 'domain-is-pure',
      severity: 'error',
      from: { path: '^src/[^/]+/domain/' },
      to: {
        path: '.',
        pathNot: [
          '^node_modules/jsonc-parser/',
          '^src/(lib|protocol)/',
          '^src/[^/]+/domain/',
          '\\.port\\.ts$',
        ],
      },
    },
    ...noUpward,
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
