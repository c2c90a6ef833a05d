# bash-completion loads this file at the first completion of push-jobs.
source <(push-jobs completion bash)
