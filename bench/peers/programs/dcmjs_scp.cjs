// Receives with dcmjs-dimse: node dcmjs_scp.cjs MODULES PORT FOLDER

const [modules, port, folder] = process.argv.slice(2);
const path = require("node:path");
const { Server, Scp, constants, log, responses } = require(require.resolve("dcmjs-dimse", { paths: [modules] }));
const { PresentationContextResult, Status, TransferSyntax } = constants;

class Receiver extends Scp {
  associationRequested(association) {
    association.setMaxPduLength(131072);
    for (const { id } of association.getPresentationContexts()) {
      const context = association.getPresentationContext(id);
      const known = context.getTransferSyntaxUids().includes(TransferSyntax.ExplicitVRLittleEndian);
      if (known) context.setResult(PresentationContextResult.Accept, TransferSyntax.ExplicitVRLittleEndian);
      else context.setResult(PresentationContextResult.RejectTransferSyntaxesNotSupported);
    }
    this.sendAssociationAccept();
  }

  // Answers once the file is written.
  cStoreRequest(request, callback) {
    const response = responses.CStoreResponse.fromRequest(request);
    request.getDataset().toFile(path.join(folder, `${request.getAffectedSopInstanceUid()}.dcm`), (error) => {
      response.setStatus(error ? Status.ProcessingFailure : Status.Success);
      callback(response);
    });
  }

  associationReleaseRequested() {
    this.sendAssociationReleaseResponse();
  }
}

log.silent = true;
new Server(Receiver).listen(Number(port), { host: "127.0.0.1", logCommandDatasets: false, logDatasets: false });
