# frozen_string_literal: true

# An independent node, written from the wire protocol with the libraries of the Ruby client.
#
#   stdin:  {"server" (URL), "org", "node", "key" (PEM), "signing" (version, default 1.1),
#            "whitelist": {job name: shell command}}
#   stdout: one JSON object per line for each event:
#     configured, server_heartbeat, received (message), sent (message), dropped (channel, reason),
#     offline, online, stopped; config_rejected (reason) before exit code 1
#
# TERM and INT end the node and its command, with exit code 0.

require 'English'
require 'securerandom'
require 'socket'
require_relative 'node_config'
require_relative 'channels'
require_relative 'frames'
require_relative 'job'

# The node: a loop around its channels, its heartbeats and at most one job.
class PushNode
  POLL_MS = 50

  def initialize(identity)
    @identity = identity
    @incarnation_id = SecureRandom.uuid
    @context = ZMQ::Context.new
    @curve_keys = ZMQ::Util.curve_keypair
    @job = nil
    @stopping = false
    @server_online = true
    @missed = 0
    @heard = 0
  end

  # Runs until stop is called; raises NodeConfig::Rejected if the server rejects the request for the config.
  def run
    configure
    until @stopping
      @channels.receive(POLL_MS) { |channel, frames| receive(channel, frames) }
      finish_job
      send_heartbeat if now >= @next_beat
      configure if @configure_at && now >= @configure_at && @job.nil?
    end
    report('stopped')
  ensure
    @job&.stop
    @channels&.close
    @context.terminate
  end

  # Only sets a flag, so that a signal handler may call it.
  def stop
    @stopping = true
  end

  private

  def configure
    @config = NodeConfig.fetch(@identity, @curve_keys[0])
    @configure_at = nil
    reopen
    report('configured', incarnation_id: @config.incarnation_id)
  end

  def reopen
    @channels&.close
    @channels = Channels.new(@context, @config, @curve_keys)
    @sequence = 0
    @next_beat = now
  end

  def receive(channel, frames)
    if channel == :heartbeat
      handle_heartbeat(Frames.read_heartbeat(@config.server_key, frames))
    else
      message = Frames.read_command(@config.session_key, frames)
      report('received', message: message)
      handle(message)
    end
  rescue Frames::Invalid, JSON::ParserError => e
    report('dropped', channel: channel, reason: e.message)
  end

  def handle_heartbeat(heartbeat)
    report('server_heartbeat', sequence: heartbeat['sequence'], incarnation_id: heartbeat['incarnation_id'])
    @missed = 0
    @heard += 1
    if !@server_online && @heard > @config.online_threshold
      @server_online = true
      report('online')
    end
    return if heartbeat['incarnation_id'] == @config.incarnation_id

    # The server has restarted and may have new keys. A random delay spreads the requests of all nodes.
    @configure_at ||= now + (rand * @config.interval)
  end

  def handle(message)
    case message['type']
    when 'commit' then vote(message)
    when 'run' then start(message)
    when 'abort' then abort_job
    end
  end

  def vote(commit)
    command_line = @identity['whitelist'][commit['command']]
    if @job || command_line.nil?
      send_message('nack_commit', job_id: commit['job_id'])
    else
      @job = Job.new(commit, command_line)
      send_message('ack_commit', job_id: @job.id)
    end
  end

  def start(run)
    if @job&.id == run['job_id'] && @job.state == :committed
      send_message('ack_run', job_id: @job.id)
      @job.start(@identity['node'])
    else
      send_message('nack_run', job_id: run['job_id'])
    end
  end

  def abort_job
    @job&.stop
    send_message('aborted', job_id: @job&.id)
    @job = nil
  end

  def finish_job
    type, fields = @job&.result
    return if type.nil?

    send_message(type, job_id: @job.id, **fields)
    @job = nil
  end

  def send_heartbeat
    @next_beat = now + @config.interval
    @missed += 1
    lose_server if @server_online && @missed > @config.offline_threshold + 1
    return unless @server_online

    send_message('heartbeat', job_state: @job&.state || :idle, job_id: @job&.id)
  end

  def lose_server
    @server_online = false
    @heard = 0
    report('offline')
    reopen
    @next_beat = now + @config.interval
  end

  def send_message(type, fields)
    message = {
      node: @identity['node'], client: Socket.gethostname, protocol_version: '2.0', org: @identity['org'], type: type,
      sequence: @sequence += 1, timestamp: Time.now.httpdate, incarnation_id: @incarnation_id, **fields
    }
    report('sent', message: message) if @channels.send(Frames.write(@config.session_key, message))
  end

  def report(event, **fields)
    $stdout.puts(JSON.generate(event: event, **fields))
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end

$stdout.sync = true
node = PushNode.new(JSON.parse($stdin.read))
%w[TERM INT].each { |signal| trap(signal) { node.stop } }
begin
  node.run
rescue NodeConfig::Rejected => e
  puts JSON.generate(event: 'config_rejected', reason: e.message)
  exit 1
end
