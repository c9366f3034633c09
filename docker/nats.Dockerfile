# A NATS server, for where no registry can be reached: the static binary and an empty folder for its files. Like the
# worker's it is built outside, by docker/build.sh.
FROM scratch
COPY nats-server /nats-server
# A new volume takes its owner from here, so that a server that is not root can write to it.
COPY --chown=65532:65532 data /data
USER 65532:65532
EXPOSE 4222
ENTRYPOINT ["/nats-server"]
