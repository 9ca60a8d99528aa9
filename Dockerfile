# Builds the one binary and puts it into an image with a C library and nothing else of ours.
FROM node:22-bookworm-slim AS builder
WORKDIR /build
COPY package.json bun.lock bunfig.toml ./
# The version that package.json names; npm brings it.
RUN npm install --global "$(node -p "require('./package.json').packageManager")" \
  && bun install --frozen-lockfile --production
COPY build.ts tsconfig.json ./
COPY src src
RUN bun build.ts

# The binary links glibc dynamically and brings certificate authorities; a store that is mounted at
# /etc/ssl/certs is trusted too.
FROM debian:bookworm-slim
COPY --from=builder --chmod=0755 /build/dist/fluxhook /fluxhook
# No name is needed for an id that owns nothing; Kubernetes' runAsNonRoot wants a number.
USER 65532:65532
# In a container the loopback is the container's own; what may reach the port is the network's affair.
ENV FLUXHOOK_HOST=0.0.0.0
EXPOSE 8585
# Drains within FLUXHOOK_SHUTDOWN_GRACE: give `docker stop --time` more than that.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/fluxhook", "health"]
ENTRYPOINT ["/fluxhook"]
CMD ["serve"]
