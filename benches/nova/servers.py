"""Puts servers into Nova's databases, through Nova's own objects, as they are once a compute node has them.

Arguments: nova.conf, project, user, how many. Their ids are those of benches/workload.ts.
"""

import sys

from nova import config, context, objects
from nova.compute import power_state, vm_states
from oslo_utils import timeutils

configuration, project, user, count = sys.argv[1:]
config.parse_args(["nova", "--config-file", configuration])
objects.register_all()
CONTEXT = context.RequestContext(user_id=user, project_id=project, is_admin=True)
CELL = next(cell for cell in objects.CellMappingList.get_all(CONTEXT) if not cell.is_cell0())
IMAGE = "00000000-0000-4000-8000-00000000abcd"
NOW = timeutils.utcnow()


def flavor():
    return objects.Flavor(
        id=1, name="m1.small", flavorid="1", memory_mb=2048, vcpus=1, root_gb=20, ephemeral_gb=0, swap=0,
        rxtx_factor=1.0, vcpu_weight=0, disabled=False, is_public=True, extra_specs={}, projects=[], description=None,
    )


def server(number):
    instance = objects.Instance(
        CONTEXT, uuid=f"{number:08x}-0000-4000-8000-000000000000", project_id=project, user_id=user,
        display_name=f"server {number}", hostname=f"server-{number}", image_ref=IMAGE,
        host="compute", node="compute", compute_id=1, launched_on="compute", availability_zone="nova",
        vm_state=vm_states.ACTIVE, power_state=power_state.RUNNING, task_state=None, launched_at=NOW,
        memory_mb=2048, vcpus=1, root_gb=20, ephemeral_gb=0, instance_type_id=1, locked=False,
        flavor=flavor(), old_flavor=None, new_flavor=None, metadata={},
        system_metadata={"image_base_image_ref": IMAGE, "image_disk_format": "qcow2", "image_min_disk": "20",
                         "image_container_format": "bare", "image_min_ram": "0"},
    )
    instance.create()
    objects.InstanceMapping(
        CONTEXT, instance_uuid=instance.uuid, cell_mapping=CELL, project_id=project, user_id=user,
        queued_for_delete=False,
    ).create()


for number in range(1, int(count) + 1):
    server(number)
