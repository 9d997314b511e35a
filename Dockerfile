# Strongroom as an image: `docker build -t strongroom .`
# docs/containers.md says how it is run, and how this file was tried out.

# The program as JavaScript, and the libraries it runs on. The optional packages bring a Node of their own for
# machines with an older one; this image has the right one, so they stay out of it.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.ts scripts/build.ts
COPY src src
RUN npm run build

FROM node:24-slim AS libraries
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --omit=dev --omit=optional

FROM node:24-slim
ENV NODE_ENV=production \
    STRONGROOM_HOST=0.0.0.0 \
    STRONGROOM_DATA=/data
WORKDIR /app
COPY --from=libraries /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY bin bin
RUN ln -s /app/bin/strongroom.js /usr/local/bin/strongroom \
 && mkdir /data \
 && chown node:node /data
USER node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "/app/bin/healthcheck.js"]
# Node itself is process 1, so that SIGTERM reaches the program, which finishes what runs before it ends.
CMD ["node", "--disable-warning=ExperimentalWarning", "dist/main.js"]
