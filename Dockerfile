# Two stages: built with the whole toolchain, run without it and without root.
#   docker build -t handfast .
#   docker run -v ./handfast.toml:/etc/handfast/handfast.toml:ro -v handfast:/var/lib/handfast -p 6432:6432 -p 6306:6306 handfast
FROM rust:1-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY tests tests
COPY bench bench
RUN cargo build --release --locked --bin handfast

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/handfast --create-home handfast
COPY --from=build /src/target/release/handfast /usr/local/bin/handfast
USER handfast
# The journal: it must be a real volume, never the container's own layer.
VOLUME /var/lib/handfast
EXPOSE 6432 6306 6480
STOPSIGNAL SIGTERM
ENTRYPOINT ["handfast"]
CMD ["serve", "-c", "/etc/handfast/handfast.toml"]
