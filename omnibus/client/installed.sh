for name in push-jobs-client push-apply print_execution_environment; do
  ln -sfn "/opt/push-jobs-client/bin/$name" "/usr/bin/$name"
done
