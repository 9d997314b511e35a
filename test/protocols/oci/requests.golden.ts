/** Requests and what they mean: the one place to look up how a URL is read. */
import type { ErrorCode } from '../../../src/domain/errors.ts';
import type { OciRoute } from '../../../src/protocols/oci/parse.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha512:${'b'.repeat(128)}`;
const name = { project: 'main', repository: 'oci', image: 'app' };
const deep = { project: 'main', repository: 'oci', image: 'team/app' };
const at = '/v2/main/oci/app';
const tag = (text: string) => ({ by: 'tag', tag: text }) as const;
const byDigest = (digest: string) => ({ by: 'digest', digest }) as const;

export const GOLDEN: readonly (readonly [method: string, url: string, route: OciRoute])[] = [
  ['GET', '/v2/', { kind: 'base', head: false }],
  ['HEAD', '/v2/', { kind: 'base', head: true }],
  ['GET', '/v2', { kind: 'base', head: false }],
  ['GET', '/v2/?x=1', { kind: 'base', head: false }],

  ['GET', '/v2/_catalog', { kind: 'catalog', head: false, page: {} }],
  ['HEAD', '/v2/_catalog', { kind: 'catalog', head: true, page: {} }],
  ['GET', '/v2/_catalog?n=0', { kind: 'catalog', head: false, page: { n: 0 } }],
  [
    'GET',
    '/v2/_catalog?n=10&last=main%2Foci%2Fapp',
    { kind: 'catalog', head: false, page: { n: 10, last: 'main/oci/app' } },
  ],

  ['GET', '/v2/token', { kind: 'token', scopes: [] }],
  [
    'GET',
    '/v2/token?account=ann&scope=repository%3Amain%2Foci%2Fapp%3Apull%2Cpush&service=127.0.0.1%3A8080',
    {
      kind: 'token',
      scopes: ['repository:main/oci/app:pull,push'],
      account: 'ann',
      service: '127.0.0.1:8080',
    },
  ],
  ['GET', '/v2/token?scope=a:b:c+d:e:f&scope=g:h:i', { kind: 'token', scopes: ['a:b:c d:e:f', 'g:h:i'] }],

  ['GET', `${at}/tags/list`, { kind: 'tags', head: false, name, page: {} }],
  ['HEAD', `${at}/tags/list`, { kind: 'tags', head: true, name, page: {} }],
  ['GET', `${at}/tags/list?n=2&last=1.0`, { kind: 'tags', head: false, name, page: { n: 2, last: '1.0' } }],
  ['GET', `${at}/tags/list?last=`, { kind: 'tags', head: false, name, page: { last: '' } }],
  ['GET', '/v2/main/oci/team/app/tags/list', { kind: 'tags', head: false, name: deep, page: {} }],
  [
    'GET',
    '/v2/main/oci/tags/list/tags/list',
    { kind: 'tags', head: false, name: { ...name, image: 'tags/list' }, page: {} },
  ],

  ['GET', `${at}/manifests/latest`, { kind: 'manifest-get', head: false, name, reference: tag('latest') }],
  ['HEAD', `${at}/manifests/latest`, { kind: 'manifest-get', head: true, name, reference: tag('latest') }],
  ['GET', `${at}/manifests/_1.0-RC`, { kind: 'manifest-get', head: false, name, reference: tag('_1.0-RC') }],
  ['GET', `${at}/manifests/${A}`, { kind: 'manifest-get', head: false, name, reference: byDigest(A) }],
  ['GET', `${at}/manifests/${B}`, { kind: 'manifest-get', head: false, name, reference: byDigest(B) }],
  [
    'GET',
    `${at}/manifests/${A.replace(':', '%3A')}`,
    { kind: 'manifest-get', head: false, name, reference: byDigest(A) },
  ],
  [
    'GET',
    `${at}/manifests/latest?ns=docker.io`,
    { kind: 'manifest-get', head: false, name, reference: tag('latest') },
  ],
  [
    'GET',
    `/v2/main/oci/%61pp/manifests/latest`,
    { kind: 'manifest-get', head: false, name, reference: tag('latest') },
  ],
  [
    'GET',
    '/v2/main/oci/manifests/manifests/manifests',
    { kind: 'manifest-get', head: false, name: { ...name, image: 'manifests' }, reference: tag('manifests') },
  ],
  [
    'GET',
    '/v2/main/oci/app/blobs/uploads/manifests/latest',
    {
      kind: 'manifest-get',
      head: false,
      name: { ...name, image: 'app/blobs/uploads' },
      reference: tag('latest'),
    },
  ],
  [
    'GET',
    '/v2/a.b/c_d/e__f/g--h/manifests/x',
    {
      kind: 'manifest-get',
      head: false,
      name: { project: 'a.b', repository: 'c_d', image: 'e__f/g--h' },
      reference: tag('x'),
    },
  ],
  ['PUT', `${at}/manifests/1.0`, { kind: 'manifest-put', name, reference: tag('1.0'), tags: [] }],
  ['PUT', `${at}/manifests/${A}`, { kind: 'manifest-put', name, reference: byDigest(A), tags: [] }],
  [
    'PUT',
    `${at}/manifests/${A}?tag=a&tag=b&tag=a`,
    { kind: 'manifest-put', name, reference: byDigest(A), tags: ['a', 'b'] },
  ],
  ['DELETE', `${at}/manifests/1.0`, { kind: 'manifest-delete', name, reference: tag('1.0') }],
  ['DELETE', `${at}/manifests/${A}`, { kind: 'manifest-delete', name, reference: byDigest(A) }],

  ['GET', `${at}/blobs/${A}`, { kind: 'blob-get', head: false, name, digest: A }],
  ['HEAD', `${at}/blobs/${B}`, { kind: 'blob-get', head: true, name, digest: B }],
  ['DELETE', `${at}/blobs/${A}`, { kind: 'blob-delete', name, digest: A }],
  [
    'GET',
    `/v2/main/oci/blobs/blobs/${A}`,
    { kind: 'blob-get', head: false, name: { ...name, image: 'blobs' }, digest: A },
  ],

  ['POST', `${at}/blobs/uploads/`, { kind: 'upload-start', name, intent: { by: 'session' } }],
  ['POST', `${at}/blobs/uploads`, { kind: 'upload-start', name, intent: { by: 'session' } }],
  [
    'POST',
    `${at}/blobs/uploads/?from=main/oci/base`,
    { kind: 'upload-start', name, intent: { by: 'session' } },
  ],
  [
    'POST',
    `${at}/blobs/uploads/?digest=${A}`,
    { kind: 'upload-start', name, intent: { by: 'monolithic', digest: A } },
  ],
  [
    'POST',
    `${at}/blobs/uploads/?digest-algorithm=sha512`,
    { kind: 'upload-start', name, intent: { by: 'session' }, algorithm: 'sha512' },
  ],
  [
    'POST',
    `${at}/blobs/uploads/?from=main%2Foci%2Fteam%2Fapp&mount=${A.replace(':', '%3A')}`,
    { kind: 'upload-start', name, intent: { by: 'mount', digest: A, from: deep } },
  ],
  [
    'POST',
    `${at}/blobs/uploads/?mount=${A}`,
    { kind: 'upload-start', name, intent: { by: 'mount', digest: A } },
  ],
  [
    'POST',
    `${at}/blobs/uploads/?mount=${A}&from=`,
    { kind: 'upload-start', name, intent: { by: 'mount', digest: A } },
  ],
  ['GET', `${at}/blobs/uploads/u-1_Z=`, { kind: 'upload-status', head: false, name, upload: 'u-1_Z=' }],
  ['HEAD', `${at}/blobs/uploads/u1`, { kind: 'upload-status', head: true, name, upload: 'u1' }],
  ['GET', `${at}/blobs/uploads/u1?state=xyz`, { kind: 'upload-status', head: false, name, upload: 'u1' }],
  ['PATCH', `${at}/blobs/uploads/u1`, { kind: 'upload-append', name, upload: 'u1' }],
  ['PUT', `${at}/blobs/uploads/u1?digest=${A}`, { kind: 'upload-finish', name, upload: 'u1', digest: A }],
  [
    'PUT',
    `${at}/blobs/uploads/u1?state=x&digest=${A.replace(':', '%3A')}`,
    { kind: 'upload-finish', name, upload: 'u1', digest: A },
  ],
  ['DELETE', `${at}/blobs/uploads/u1`, { kind: 'upload-cancel', name, upload: 'u1' }],

  ['GET', `${at}/referrers/${A}`, { kind: 'referrers', head: false, name, digest: A }],
  ['HEAD', `${at}/referrers/${A}`, { kind: 'referrers', head: true, name, digest: A }],
  ['GET', `${at}/referrers/${A}?artifactType=`, { kind: 'referrers', head: false, name, digest: A }],
  [
    'GET',
    `${at}/referrers/${A}?artifactType=application%2Fspdx%2Bjson`,
    { kind: 'referrers', head: false, name, digest: A, artifactType: 'application/spdx+json' },
  ],
  [
    'GET',
    `${at}/referrers/${A}?artifactType=application/spdx+json`,
    { kind: 'referrers', head: false, name, digest: A, artifactType: 'application/spdx+json' },
  ],
];

export const REFUSED: readonly (readonly [method: string, url: string, code: ErrorCode])[] = [
  // nothing there
  ['GET', '/', 'ROUTE_UNKNOWN'],
  ['GET', '', 'ROUTE_UNKNOWN'],
  ['GET', '/v1/', 'ROUTE_UNKNOWN'],
  ['GET', '/v2/foo', 'ROUTE_UNKNOWN'],
  ['GET', '//v2/', 'ROUTE_UNKNOWN'],
  ['GET', '/v2//', 'ROUTE_UNKNOWN'],
  ['GET', '/V2/', 'ROUTE_UNKNOWN'],
  ['GET', '/v2/_catalog/', 'ROUTE_UNKNOWN'],
  ['GET', '/v2/_oci/ext/discover', 'ROUTE_UNKNOWN'],
  ['GET', `${at}/tags/list/`, 'ROUTE_UNKNOWN'],
  ['GET', `${at}/tags/latest`, 'ROUTE_UNKNOWN'],
  ['GET', '/v1/main/oci/app/manifests/latest', 'ROUTE_UNKNOWN'],
  ['GET', `${at}/__proto__/x`, 'ROUTE_UNKNOWN'],
  ['GET', '/manifests/latest', 'ROUTE_UNKNOWN'],

  // methods
  ['POST', '/v2/', 'METHOD_UNSUPPORTED'],
  ['get', '/v2/', 'METHOD_UNSUPPORTED'],
  ['OPTIONS', `${at}/manifests/latest`, 'METHOD_UNSUPPORTED'],
  ['POST', '/v2/token', 'METHOD_UNSUPPORTED'],
  ['DELETE', `${at}/tags/list`, 'METHOD_UNSUPPORTED'],
  ['PUT', `${at}/blobs/${A}`, 'METHOD_UNSUPPORTED'],
  ['GET', `${at}/blobs/uploads/`, 'METHOD_UNSUPPORTED'],
  ['GET', `${at}/blobs/uploads`, 'METHOD_UNSUPPORTED'],
  ['POST', `${at}/blobs/uploads/u1`, 'METHOD_UNSUPPORTED'],
  ['PUT', `${at}/referrers/${A}`, 'METHOD_UNSUPPORTED'],
  ['constructor', '/v2/', 'METHOD_UNSUPPORTED'],

  // names
  ['GET', '/v2/ubuntu/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/library/ubuntu/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/App/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/Main/oci/app/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/-app/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/a...b/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/a___b/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci//app/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2//oci/app/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/app%20/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/%C3%A4pp/manifests/latest', 'NAME_INVALID'],
  ['GET', `/v2/${'p'.repeat(65)}/oci/app/manifests/latest`, 'NAME_INVALID'],
  ['GET', `/v2/main/oci/${'a/'.repeat(130)}a/manifests/latest`, 'NAME_INVALID'],
  ['GET', `/v2/main/oci/${'a'.repeat(5000)}/manifests/latest`, 'NAME_INVALID'],

  // path tricks
  ['GET', '/v2/main/oci/../../etc/passwd/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/%2e%2e/app/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/%2E%2E%2Fapp/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/%252e%252e/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main%2Foci/app/x/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/a%5Cb/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/app%00/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/app%0d%0aX-Evil:1/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/app%7f/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/app%c2%85/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/%c0%ae%c0%ae/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/%ff/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/%ed%a0%80/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/%zz/manifests/latest', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/app/manifests/%', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/app/manifests/..', 'NAME_INVALID'],
  ['GET', '/v2/main/oci/app/manifests/..%2f..', 'NAME_INVALID'],
  ['GET', `${at}/blobs/uploads/..`, 'NAME_INVALID'],

  // tags and digests
  ['GET', `${at}/manifests/`, 'TAG_INVALID'],
  ['GET', `${at}/manifests/.hidden`, 'TAG_INVALID'],
  ['GET', `${at}/manifests/a b`, 'TAG_INVALID'],
  ['PUT', `${at}/manifests/${'t'.repeat(129)}`, 'TAG_INVALID'],
  ['PUT', `${at}/manifests/${A}?tag=`, 'TAG_INVALID'],
  ['PUT', `${at}/manifests/${A}?tag=ok&tag=../x`, 'TAG_INVALID'],
  ['GET', `${at}/manifests/sha256:baddigeststring`, 'DIGEST_INVALID'],
  ['GET', `${at}/manifests/${A.toUpperCase()}`, 'DIGEST_INVALID'],
  ['GET', `${at}/manifests/${A}a`, 'DIGEST_INVALID'],
  ['GET', `${at}/manifests/:`, 'DIGEST_INVALID'],
  ['GET', `${at}/manifests/md5:d41d8cd98f00b204e9800998ecf8427e`, 'DIGEST_UNSUPPORTED'],
  ['GET', `${at}/blobs/latest`, 'DIGEST_INVALID'],
  ['GET', `${at}/blobs/`, 'DIGEST_INVALID'],
  ['GET', `${at}/blobs/__proto__:aa`, 'DIGEST_INVALID'],
  ['GET', `${at}/referrers/latest`, 'DIGEST_INVALID'],
  ['PUT', `${at}/blobs/uploads/u1`, 'DIGEST_INVALID'],
  ['PUT', `${at}/blobs/uploads/u1?digest=`, 'DIGEST_INVALID'],
  ['POST', `${at}/blobs/uploads/?digest=sha256:1`, 'DIGEST_INVALID'],
  ['POST', `${at}/blobs/uploads/?mount=&from=main/oci/x`, 'DIGEST_INVALID'],
  ['POST', `${at}/blobs/uploads/?mount=${A}&from=library/ubuntu`, 'NAME_INVALID'],
  ['POST', `${at}/blobs/uploads/?mount=${A}&from=main/oci/../../x`, 'NAME_INVALID'],
  ['POST', `${at}/blobs/uploads/?digest-algorithm=md5`, 'DIGEST_UNSUPPORTED'],
  ['POST', `${at}/blobs/uploads/?digest-algorithm=constructor`, 'DIGEST_UNSUPPORTED'],

  // uploads
  ['GET', `${at}/blobs/uploads/a.b`, 'UPLOAD_UNKNOWN'],
  ['PATCH', `${at}/blobs/uploads/${'u'.repeat(251)}`, 'UPLOAD_UNKNOWN'],
  ['DELETE', `${at}/blobs/uploads/a%20b`, 'UPLOAD_UNKNOWN'],

  // queries
  ['GET', `${at}/tags/list?n=-1`, 'REQUEST_INVALID'],
  ['GET', `${at}/tags/list?n=abc`, 'REQUEST_INVALID'],
  ['GET', `${at}/tags/list?n=1e3`, 'REQUEST_INVALID'],
  ['GET', `${at}/tags/list?n=`, 'REQUEST_INVALID'],
  ['GET', `${at}/tags/list?n=1&n=2`, 'REQUEST_INVALID'],
  ['GET', `${at}/tags/list?last=%ff`, 'REQUEST_INVALID'],
  ['GET', `${at}/tags/list?last=%00`, 'REQUEST_INVALID'],
  ['GET', `${at}/tags/list?last=${'x'.repeat(256)}`, 'REQUEST_INVALID'],
  ['GET', `/v2/_catalog?${'a=1&'.repeat(300)}`, 'REQUEST_INVALID'],
  ['GET', `/v2/_catalog?unknown=${'a'.repeat(20_000)}`, 'REQUEST_INVALID'],
  ['PUT', `${at}/blobs/uploads/u1?digest=${A}&digest=${B}`, 'REQUEST_INVALID'],
  ['PUT', `${at}/manifests/1.0?tag=a`, 'REQUEST_INVALID'],
];
