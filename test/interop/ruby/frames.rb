# frozen_string_literal: true

require 'openssl'
require 'json'
require 'base64'

# Frames of the command and heartbeat channels: a header with a signature, and a body in JSON.
# See docs/spec/wire-protocol.md, "3. Frames".
module Frames
  # A message that fails verification.
  class Invalid < StandardError; end

  module_function

  # Header and body of a message, signed with the session key.
  def write(session_key, message)
    body = JSON.generate(message)
    ["Version:2.0;SigningMethod:hmac_sha256;Signature:#{hmac(session_key, body)}", body]
  end

  # The verified message of the command channel; raises Invalid.
  def read_command(session_key, frames)
    header, body = both(frames)
    raise Invalid, "signed by #{header['SigningMethod']}" unless header['SigningMethod'] == 'hmac_sha256'
    raise Invalid, 'wrong HMAC' unless header['Signature'] == hmac(session_key, body)

    JSON.parse(body)
  end

  # The verified heartbeat of the server; raises Invalid.
  def read_heartbeat(public_key, frames)
    header, body = both(frames)
    raise Invalid, "signed by #{header['SigningMethod']}" unless header['SigningMethod'] == 'rsa2048_sha1'

    signed = public_key.public_decrypt(Base64.strict_decode64(header['Signature']))
    raise Invalid, 'wrong RSA signature' unless signed == Base64.strict_encode64(OpenSSL::Digest::SHA1.digest(body))

    JSON.parse(body)
  rescue OpenSSL::PKey::PKeyError, ArgumentError => e
    raise Invalid, "wrong RSA signature: #{e.message}"
  end

  def hmac(session_key, body)
    Base64.strict_encode64(OpenSSL::HMAC.digest('SHA256', session_key, body))
  end

  def both(frames)
    raise Invalid, "#{frames.size} frames" unless frames.size == 2

    header = frames[0].split(';').to_h { |part| part.split(':', 2) }
    raise Invalid, "version #{header['Version']}" unless header['Version'] == '2.0'

    [header, frames[1]]
  end
end
