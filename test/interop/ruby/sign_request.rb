# frozen_string_literal: true

# Signs a request with the library of Chef's own tools.
#
#   stdin:  {"method", "path", "body" (base64), "user", "key" (PEM), "version", "timestamp" (ISO 8601),
#            "server_api_version" (optional: without it the request has no such header)}
#   stdout: the headers to send, as one JSON object

require 'openssl' # must come before the library, which loads parts of it in the wrong order
require 'json'
require 'base64'
require 'mixlib/authentication/signedheaderauth'

request = JSON.parse($stdin.read)
api_version = request['server_api_version']
extra = api_version ? { 'X-Ops-Server-API-Version' => api_version } : {}

signing = Mixlib::Authentication::SignedHeaderAuth.signing_object(
  http_method: request['method'].downcase.to_sym,
  path: request['path'].split('?', 2).first,
  body: Base64.strict_decode64(request['body']),
  timestamp: request['timestamp'],
  user_id: request['user'],
  proto_version: request['version'],
  headers: extra
)
puts JSON.generate(signing.sign(OpenSSL::PKey::RSA.new(request['key'])).merge(extra))
