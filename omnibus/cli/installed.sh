# Links the program and says what to do next.
ln -sfn /opt/push-jobs/bin/push-jobs /usr/bin/push-jobs

cat <<'END'
Thank you for installing push-jobs, the command line of Push Jobs!

It takes the credentials of knife. See whether it finds them, and whether the server answers:

    push-jobs config check

END
