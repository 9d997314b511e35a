# METADATA
# title: Allowed media types and maximum size
# description: >-
#   Only artifacts of the listed media types come in, by push or promotion, and none that is larger than the maximum.
# custom:
#   params:
#     type: object
#     additionalProperties: false
#     properties:
#       mediaTypes:
#         description: globs over the media type of the artifact (for OCI that of the manifest)
#         type: array
#         items: {type: string, minLength: 1, maxLength: 255}
#         minItems: 1
#         maxItems: 100
#       fileMediaTypes:
#         description: globs over the media types of its files (for OCI of config and layers)
#         type: array
#         items: {type: string, minLength: 1, maxLength: 255}
#         minItems: 1
#         maxItems: 100
#       artifactTypes:
#         description: globs over the artifact type, which an artifact need not have
#         type: array
#         items: {type: string, minLength: 1, maxLength: 255}
#         minItems: 1
#         maxItems: 100
#       maxBytes:
#         description: largest size of a version with all its files, in bytes
#         type: integer
#         minimum: 0
#         maximum: 9007199254740991
package strongroom.allowed_media_types

defaults := {
	"mediaTypes": [
		"application/vnd.oci.image.manifest.v1+json",
		"application/vnd.oci.image.index.v1+json",
		"application/vnd.docker.distribution.manifest.v2+json",
		"application/vnd.docker.distribution.manifest.list.v2+json",
	],
	"fileMediaTypes": ["*"],
	"artifactTypes": ["*"],
	"maxBytes": 10737418240,
}

params := object.union(defaults, input.params)

deny contains finding if {
	incoming
	not params_valid
	finding := {
		"code": "PARAMS_INVALID",
		"msg": "the media types must be lists of strings and maxBytes a number",
		"path": "params",
	}
}

deny contains finding if {
	incoming
	not input.artifact.mediaType
	finding := {
		"code": "MEDIA_TYPE_UNKNOWN",
		"msg": "The artifact has no media type, and only certain ones are allowed here",
		"severity": "medium",
		"path": "artifact.mediaType",
	}
}

deny contains finding if {
	incoming
	input.artifact.mediaType
	not allowed(params.mediaTypes, input.artifact.mediaType)
	finding := refused("artifact.mediaType", input.artifact.mediaType, params.mediaTypes)
}

deny contains finding if {
	incoming
	input.artifact.artifactType
	not allowed(params.artifactTypes, input.artifact.artifactType)
	finding := refused("artifact.artifactType", input.artifact.artifactType, params.artifactTypes)
}

deny contains finding if {
	incoming
	some file in input.artifact.files
	not allowed(params.fileMediaTypes, file.mediaType)
	finding := refused("artifact.files", file.mediaType, params.fileMediaTypes)
}

deny contains finding if {
	incoming
	total > params.maxBytes
	finding := {
		"code": "ARTIFACT_TOO_LARGE",
		"msg": sprintf("The artifact has %d bytes, and %d are allowed", [total, params.maxBytes]),
		"severity": "medium",
		"path": "artifact.size",
	}
}

deny contains finding if {
	incoming
	not input.artifact.files
	not size_stated
	finding := {
		"code": "SIZE_UNKNOWN",
		"msg": "The size of the artifact is not known, and only a certain size is allowed here",
		"severity": "medium",
		"path": "artifact.size",
	}
}

incoming if input.action in {"push", "promote"}

size_stated if is_number(input.artifact.size)

# The larger of what is said and what is counted: neither may be used to hide the other.
total := max([object.get(input.artifact, "size", 0), sum(sizes)])

sizes := [file.size | some file in object.get(input.artifact, "files", [])]

allowed(patterns, media_type) if {
	some pattern in patterns
	glob.match(lower(pattern), null, lower(media_type))
}

refused(path, media_type, patterns) := {
	"code": "MEDIA_TYPE_REFUSED",
	"msg": sprintf("The type %s is not allowed here", [media_type]),
	"severity": "medium",
	"path": path,
	"fix": sprintf("Allowed are: %s", [concat(", ", patterns)]),
}

params_valid if {
	every key in ["mediaTypes", "fileMediaTypes", "artifactTypes"] {
		is_array(params[key])
		every pattern in params[key] {
			is_string(pattern)
		}
	}
	is_number(params.maxBytes)
}
