# frozen_string_literal: true

# An independent node, written from the wire protocol on the libraries that the Ruby client is made of.
#
#   stdin:  {"server" (URL), "org", "node", "key" (PEM), "signing" (version, default 1.1),
#            "whitelist": {job name: shell command}}
#   stdout: one JSON object a line for each event:
#     configured, server_heartbeat, received (message), sent (message), refused (channel, reason),
#     offline, online, stopped; config_refused (reason) before exit code 1
#
# TERM and INT end it, with what it runs, and with exit code 0.

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

  def initialize(whoami)
    @whoami = whoami
    @incarnation_id = SecureRandom.uuid
    @context = ZMQ::Context.new
    @curve_keys = ZMQ::Util.curve_keypair
    @job = nil
    @stopping = false
    @server_online = true
    @missed = 0
    @heard = 0
  end

  # Runs until stop is called; raises NodeConfig::Refused where the server hands out no config.
  def run
    configure
    until @stopping
      @channels.receive(POLL_MS) { |channel, frames| take(channel, frames) }
      finish_job
      beat if now >= @next_beat
      configure if @configure_at && now >= @configure_at && @job.nil?
    end
    say('stopped')
  ensure
    @job&.stop
    @channels&.close
    @context.terminate
  end

  # Only sets a mark, so that a signal handler may call it.
  def stop
    @stopping = true
  end

  private

  def configure
    @config = NodeConfig.fetch(@whoami, @curve_keys[0])
    @configure_at = nil
    reopen
    say('configured', incarnation_id: @config.incarnation_id)
  end

  def reopen
    @channels&.close
    @channels = Channels.new(@context, @config, @curve_keys)
    @sequence = 0
    @next_beat = now
  end

  def take(channel, frames)
    if channel == :heartbeat
      hear(Frames.read_heartbeat(@config.server_key, frames))
    else
      message = Frames.read_command(@config.session_key, frames)
      say('received', message: message)
      obey(message)
    end
  rescue Frames::Refused, JSON::ParserError => e
    say('refused', channel: channel, reason: e.message)
  end

  def hear(heartbeat)
    say('server_heartbeat', sequence: heartbeat['sequence'], incarnation_id: heartbeat['incarnation_id'])
    @missed = 0
    @heard += 1
    if !@server_online && @heard > @config.online_threshold
      @server_online = true
      say('online')
    end
    return if heartbeat['incarnation_id'] == @config.incarnation_id

    # Another server: its keys may be others. Not all nodes at once.
    @configure_at ||= now + (rand * @config.interval)
  end

  def obey(message)
    case message['type']
    when 'commit' then vote(message)
    when 'run' then start(message)
    when 'abort' then abort_job
    end
  end

  def vote(commit)
    command_line = @whoami['whitelist'][commit['command']]
    if @job || command_line.nil?
      tell('nack_commit', job_id: commit['job_id'])
    else
      @job = Job.new(commit, command_line)
      tell('ack_commit', job_id: @job.id)
    end
  end

  def start(run)
    if @job&.id == run['job_id'] && @job.state == :committed
      tell('ack_run', job_id: @job.id)
      @job.start(@whoami['node'])
    else
      tell('nack_run', job_id: run['job_id'])
    end
  end

  def abort_job
    @job&.stop
    tell('aborted', job_id: @job&.id)
    @job = nil
  end

  def finish_job
    type, fields = @job&.result
    return if type.nil?

    tell(type, job_id: @job.id, **fields)
    @job = nil
  end

  def beat
    @next_beat = now + @config.interval
    @missed += 1
    lose_server if @server_online && @missed > @config.offline_threshold + 1
    return unless @server_online

    tell('heartbeat', job_state: @job&.state || :idle, job_id: @job&.id)
  end

  def lose_server
    @server_online = false
    @heard = 0
    say('offline')
    reopen
    @next_beat = now + @config.interval
  end

  def tell(type, fields)
    message = {
      node: @whoami['node'], client: Socket.gethostname, protocol_version: '2.0', org: @whoami['org'], type: type,
      sequence: @sequence += 1, timestamp: Time.now.httpdate, incarnation_id: @incarnation_id, **fields
    }
    say('sent', message: message) if @channels.send(Frames.write(@config.session_key, message))
  end

  def say(event, **fields)
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
rescue NodeConfig::Refused => e
  puts JSON.generate(event: 'config_refused', reason: e.message)
  exit 1
end
