# Links the program and prints the next step.
ln -sfn /opt/push-jobs/bin/push-jobs /usr/bin/push-jobs

cat <<'END'
Thank you for installing push-jobs, the command line of Push Jobs!

It uses the credentials of knife. Check whether it finds them, and whether the server responds:

    push-jobs config check

END
