// For the image: exits 0 when the server of this container answers, on whichever port and scheme it was given.
import http from 'node:http';
import https from 'node:https';

const { STRONGROOM_PORT: port = '8080', STRONGROOM_TLS_CERT: certificate } = process.env;
// The certificate names the outside, not this loopback address: it is not what is being checked.
const request = (certificate ? https : http).get({ port, path: '/healthz', rejectUnauthorized: false });
request.setTimeout(4000, () => request.destroy());
request.on('response', response => process.exit(response.statusCode === 200 ? 0 : 1));
request.on('error', () => process.exit(1));
