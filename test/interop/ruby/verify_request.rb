# frozen_string_literal: true

# Judges a signed request with the library that Chef's own servers used. The clock is this machine's.
#
#   stdin:  {"method", "path", "body" (base64), "headers": {name: value}, "public_key" (PEM)}
#   stdout: {"accepted": true or false}

require 'openssl' # must come before the library, which loads parts of it in the wrong order
require 'json'
require 'base64'
require 'mixlib/authentication/signatureverification'

# What the library asks of a web framework's request.
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
