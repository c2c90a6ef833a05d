# frozen_string_literal: true

require 'ffi-rzmq'

# The node's ends of the two channels: an encrypted DEALER and a SUB.
# See docs/spec/wire-protocol.md, "1. Channels".
class Channels
  # +keys+: the node's Curve key pair, public and secret half, Z85.
  def initialize(context, config, keys)
    @dealer = context.socket(ZMQ::DEALER)
    { ZMQ::LINGER => 0, ZMQ::RCVHWM => 0, ZMQ::SNDHWM => 3, ZMQ::CURVE_SERVERKEY => config.curve_key,
      ZMQ::CURVE_PUBLICKEY => keys[0], ZMQ::CURVE_SECRETKEY => keys[1] }.each do |option, value|
      check(@dealer.setsockopt(option, value))
    end
    check(@dealer.connect(config.command_address))

    @subscriber = context.socket(ZMQ::SUB)
    check(@subscriber.setsockopt(ZMQ::LINGER, 0))
    check(@subscriber.setsockopt(ZMQ::SUBSCRIBE, ''))
    check(@subscriber.connect(config.heartbeat_address))

    @poller = ZMQ::Poller.new
    @poller.register_readable(@dealer)
    @poller.register_readable(@subscriber)
  end

  # Waits for messages and yields each with its channel, :command or :heartbeat.
  def receive(timeout_ms)
    @poller.poll(timeout_ms)
    { command: @dealer, heartbeat: @subscriber }.each do |channel, socket|
      while ZMQ::Util.resultcode_ok?(socket.recv_strings(frames = [], ZMQ::DONTWAIT))
        yield channel, frames
      end
    end
  end

  # Whether the message was queued: false if the server is unreachable and the queue is full.
  def send(frames)
    ZMQ::Util.resultcode_ok?(@dealer.send_strings(frames, ZMQ::DONTWAIT))
  end

  def close
    [@dealer, @subscriber].each(&:close)
  end

  private

  def check(result)
    raise "ZeroMQ: #{ZMQ::Util.error_string}" unless ZMQ::Util.resultcode_ok?(result)
  end
end
