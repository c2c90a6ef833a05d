# frozen_string_literal: true

# Verifies a signed request with the library of Chef's own servers, with the clock of this machine.
#
#   stdin:  {"method", "path", "body" (base64), "headers": {name: value}, "public_key" (PEM)}
#   stdout: {"accepted": true or false}

require 'openssl' # must come before the library, which loads parts of it in the wrong order
require 'json'
require 'base64'
require 'mixlib/authentication/signatureverification'

# The parts of a web framework's request that the library reads.
Request = Struct.new(:method, :path, :raw_post, :env, :params)

given = JSON.parse($stdin.read)
headers = given['headers'].transform_keys { |name| "HTTP_#{name.upcase.tr('-', '_')}" }
request = Request.new(
  given['method'],
  given['path'].split('?', 2).first,
  Base64.strict_decode64(given['body']),
  { 'HTTP_HOST' => '127.0.0.1' }.merge(headers),
  {}
)
verification = Mixlib::Authentication::SignatureVerification.new(request)
answer = verification.authenticate_request(OpenSSL::PKey::RSA.new(given['public_key']))
puts JSON.generate(accepted: !answer.nil?)
