# frozen_string_literal: true

require 'English'
require 'base64'
require 'tempfile'

# A job from its commit to its end: first :committed, then :running. Its command runs in its own process group.
class Job
  GRACE_S = 2

  attr_reader :id, :state

  # +commit+: the server's message; +command_line+: the command line of the whitelist for it.
  def initialize(commit, command_line)
    @id = commit['job_id']
    @commit = commit
    @command_line = command_line
    @state = :committed
  end

  def start(node_name)
    @readers = {}
    pipes = %i[out err].to_h { |stream| [stream, pipe_to(stream)] }
    folder = @commit['dir'] ? { chdir: @commit['dir'] } : {}
    @pid = Process.spawn(environment(node_name), @command_line, pgroup: true, **pipes, **folder)
    pipes.each_value(&:close)
    @state = :running
  end

  # nil while the command runs, then the type of the message to send and its fields.
  def result
    return nil unless @state == :running && Process.wait(@pid, Process::WNOHANG)

    type = $CHILD_STATUS.success? ? 'succeeded' : 'failed'
    return [type, {}] unless @commit['capture']

    [type, { stdout: output(:out), stderr: output(:err) }]
  end

  # Ends the command, with KILL after a grace period, and waits for its end.
  def stop
    return unless @state == :running

    Process.kill('TERM', -@pid)
    reaper = Process.detach(@pid)
    Process.kill('KILL', -@pid) unless reaper.join(GRACE_S)
    reaper.join
  rescue Errno::ESRCH
    nil # it has just ended by itself
  end

  private

  def pipe_to(stream)
    reader, writer = IO.pipe
    @readers[stream] = Thread.new { reader.read }
    writer
  end

  def output(stream)
    @readers[stream].value.force_encoding('UTF-8').scrub
  end

  def environment(node_name)
    given = (@commit['env'] || {}).merge('CHEF_PUSH_NODE_NAME' => node_name, 'CHEF_PUSH_JOB_ID' => @id)
    @commit['file'] ? given.merge('CHEF_PUSH_JOB_FILE' => write_file) : given
  end

  def write_file
    form, content = @commit['file'].split(':', 2)
    @file = Tempfile.new('push-node-job', binmode: true)
    @file.write(form == 'base64' ? Base64.decode64(content) : content)
    @file.close
    @file.path
  end
end
