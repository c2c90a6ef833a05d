for name in push-jobs-client push-apply print_execution_environment; do
  if [ "$(readlink "/usr/bin/$name")" = "/opt/push-jobs-client/bin/$name" ]; then
    rm "/usr/bin/$name"
  fi
done
