# frozen_string_literal: true

require 'openssl'
require 'json'
require 'base64'
require 'cgi'
require 'net/http'
require 'time'
require 'mixlib/authentication/signedheaderauth'

# Fetches a node's config over HTTP, signed with the node's key.
# See docs/spec/wire-protocol.md, "2. Config document".
class NodeConfig
  # The server rejected the request for the config.
  class Rejected < StandardError; end

  attr_reader :session_key, :server_key, :curve_key, :incarnation_id, :command_address, :heartbeat_address,
              :interval, :offline_threshold, :online_threshold

  # +identity+: {"server" (URL), "org", "node", "key" (PEM), "signing" (version)}; +curve_public_key+: Z85.
  # Raises Rejected with the server's response.
  def self.fetch(identity, curve_public_key)
    path = "/organizations/#{identity['org']}/pushy/config/#{identity['node']}"
    uri = URI("#{identity['server']}#{path}?ccpk=#{CGI.escape(curve_public_key)}&version=2.0")
    request = Net::HTTP::Get.new(uri, signed_headers(identity, path).merge('Accept' => 'application/json'))
    answer = Net::HTTP.start(uri.host, uri.port) { |http| http.request(request) }
    raise Rejected, "#{answer.code} #{answer.body}" unless answer.is_a?(Net::HTTPOK)

    new(JSON.parse(answer.body), OpenSSL::PKey::RSA.new(identity['key']))
  end

  def self.signed_headers(identity, path)
    signing = Mixlib::Authentication::SignedHeaderAuth.signing_object(
      http_method: :get, path: path, body: '', timestamp: Time.now.utc.iso8601,
      user_id: identity['node'], proto_version: identity.fetch('signing', '1.1'),
      headers: { 'X-Ops-Server-API-Version' => '2' }
    )
    signing.sign(OpenSSL::PKey::RSA.new(identity['key'])).merge('X-Ops-Server-API-Version' => '2')
  end

  def initialize(document, private_key)
    heartbeat = document['push_jobs']['heartbeat']
    @heartbeat_address = heartbeat['out_addr']
    @command_address = heartbeat['command_addr']
    @interval = heartbeat['interval']
    @offline_threshold = heartbeat['offline_threshold']
    @online_threshold = heartbeat['online_threshold']
    @server_key = OpenSSL::PKey::RSA.new(document['public_key'])
    @curve_key = document['curve_public_key']
    @incarnation_id = document['incarnation_id']
    @session_key = private_key.private_decrypt(Base64.strict_decode64(document['encoded_session_key']['key']))
  end
end
