# Builds the binary and puts it into an image that adds nothing else to Debian.
FROM node:22-bookworm-slim AS builder
WORKDIR /build
COPY package.json bun.lock bunfig.toml ./
# npm installs the version of Bun that package.json names.
RUN npm install --global "$(node -p "require('./package.json').packageManager")" \
  && bun install --frozen-lockfile --production
COPY build.ts tsconfig.json ./
COPY src src
RUN bun build.ts

# The binary links glibc dynamically and brings certificate authorities; a store that is mounted at
# /etc/ssl/certs is trusted too.
FROM debian:bookworm-slim
COPY --from=builder --chmod=0755 /build/dist/fluxhook /fluxhook
# A number, because Kubernetes' runAsNonRoot requires one. The user needs no name and owns nothing.
USER 65532:65532
# In a container the loopback is the container's own. The network decides who may reach the port.
ENV FLUXHOOK_HOST=0.0.0.0
EXPOSE 8585
# The service drains within FLUXHOOK_SHUTDOWN_GRACE: allow more than that in `docker stop --time`.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/fluxhook", "health"]
ENTRYPOINT ["/fluxhook"]
CMD ["serve"]
