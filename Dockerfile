# The image of router-extproc, and its bill of materials (--target sbom). `make image` and `make sbom` give the arguments.
# Name the base by digest where a build must be repeatable: --build-arg BASE=python:3.12-slim-bookworm@sha256:...
ARG BASE=python:3.12-slim-bookworm

# Everything is built and installed here; the image takes the finished folder and nothing else.
FROM ${BASE} AS build
# The last commit's time; without it the first moment that a wheel can hold.
ARG SOURCE_DATE_EPOCH=315532800
ENV PYTHONHASHSEED=0 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY envoy envoy
COPY models/default models/default
COPY models/quality models/quality
COPY router_extproc router_extproc
RUN pip wheel --no-deps --wheel-dir /dist .
# Wheels only: nothing is compiled, so no stage needs a compiler.
RUN python -m venv --without-pip /opt/router-extproc \
    && pip --python /opt/router-extproc/bin/python install --no-compile --only-binary=:all: "$(echo /dist/*.whl)[redis]"
# Bytecode that names no time and is never checked against its source: equal sources give equal files.
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/router-extproc/lib \
    && find /opt/router-extproc -exec touch -h -d "@${SOURCE_DATE_EPOCH}" {} +

FROM build AS inventory
ARG CYCLONEDX_BOM=7.5.0
RUN python -m venv --without-pip /tools && pip --python /tools/bin/python install --no-compile "cyclonedx-bom==${CYCLONEDX_BOM}"
RUN mkdir /sbom \
    && /tools/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
       --output-file /sbom/router-extproc.cdx.json /opt/router-extproc

FROM scratch AS sbom
COPY --from=inventory /sbom /sbom

FROM ${BASE} AS runtime
ARG BASE
ARG VERSION=""
ARG REVISION=""
ARG SOURCE=""
LABEL org.opencontainers.image.title="router-extproc" \
      org.opencontainers.image.description="An Envoy external processor that sends each LLM request to the right model pool" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${BASE}"
COPY --from=build /opt/router-extproc /opt/router-extproc
ENV PATH=/opt/router-extproc/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
WORKDIR /
# For Envoy, where --listen is not loopback. The admin port (9003) explains requests, so no `docker run -P` publishes it.
EXPOSE 9002
STOPSIGNAL SIGTERM
ENTRYPOINT ["router-extproc"]
CMD ["serve", "--help"]
