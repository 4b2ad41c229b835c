# Two stages: built with the whole toolchain, run without it and without root.
#   docker build -t handfast .
#   docker run -v ./handfast.toml:/etc/handfast/handfast.toml:ro -v handfast:/var/lib/handfast -p 6432:6432 -p 6306:6306 handfast
# Two databases with it, to try: docker compose -f config/compose.yaml up
# podman and buildah keep the HEALTHCHECK only with --format docker.
# tests/deploy/check.py checks this file: what it copies is there, and what the sources embed is copied.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY tests tests
COPY bench bench
COPY config config
RUN cargo build --release --locked --bin handfast

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 handfast \
    && useradd --uid 10001 --gid 10001 --no-log-init --shell /usr/sbin/nologin --home-dir /var/lib/handfast --no-create-home handfast \
    && install -d -m 700 -o handfast -g handfast /var/lib/handfast
COPY --from=build /src/target/release/handfast /usr/local/bin/handfast
COPY --chmod=755 config/docker/probe.sh /usr/local/bin/handfast-probe
USER 10001
ENV HANDFAST_CONFIG=/etc/handfast/handfast.toml
# The journal: it must be a real volume, never the container's own layer.
VOLUME /var/lib/handfast
EXPOSE 6432 6306 6480
STOPSIGNAL SIGTERM
# Whether the process answers. Whether clients are let in is "handfast-probe readyz": a reason to wait, not to restart.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["handfast-probe", "healthz"]
ENTRYPOINT ["handfast"]
CMD ["serve"]
