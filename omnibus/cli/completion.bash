# bash-completion reads this when a command line of push-jobs is first completed.
source <(push-jobs completion bash)
